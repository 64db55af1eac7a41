// N rows, C width

extension Composition {
    func rmsNorm(_ norm: Norm) {
        let width = Double(norm.x.shape[1])
        let program = Program(inputs: 2, scalars: 1) { x, epsilon in
            let inverse = ((x[0] * x[0]).rowSum / width + epsilon[0]).squareRoot.reciprocal
            return [x[0] * inverse * x[1], inverse]
        }
        let weight = norm.weight.broadcast(to: norm.x.shape)
        runtime.run(
            .map(
                program, inputs: [norm.x, weight], outputs: [norm.y, column(norm.inverse)], scalars: [norm.epsilon]))
    }

    func layerNorm(_ norm: Norm) {
        guard let mean = norm.mean, let bias = norm.bias else {
            preconditionFailure("layerNorm: needs a bias and somewhere to keep the mean")
        }
        let width = Double(norm.x.shape[1])
        let program = Program(inputs: 3, scalars: 1) { x, epsilon in
            let mean = x[0].rowSum / width
            let centred = x[0] - mean
            let inverse = ((centred * centred).rowSum / width + epsilon[0]).squareRoot.reciprocal
            return [centred * inverse * x[1] + x[2], inverse, mean]
        }
        let (weight, shift) = (norm.weight.broadcast(to: norm.x.shape), bias.broadcast(to: norm.x.shape))
        runtime.run(
            .map(
                program, inputs: [norm.x, weight, shift], outputs: [norm.y, column(norm.inverse), column(mean)],
                scalars: [norm.epsilon]))
    }

    /// With xhat = (x - mean) * inverse and g = weight * dy:
    /// dx = addend + inverse * (g - mean(g) - xhat * mean(g * xhat)), where an RMS norm has no mean terms; dweight = sum dy * xhat.
    func normBackward(_ norm: NormBackward, centred: Bool) {
        let width = Double(norm.x.shape[1])
        let weight = norm.weight.broadcast(to: norm.x.shape)
        let zero = runtime.zeros([norm.x.shape[0]], norm.inverse.dtype)
        let rows = [column(norm.inverse), column(norm.mean ?? zero.view)]
        if let dx = norm.dx {
            let addend = norm.addend.map { [$0] } ?? []
            let program = Program(inputs: 5 + addend.count) { x, _ in
                let (inverse, mean) = (x[3], x[4])
                let normalised = (x[0] - mean) * inverse
                let g = x[1] * x[2]
                var inner = g - normalised * ((g * normalised).rowSum / width)
                if centred { inner = inner - g.rowSum / width }
                return [addend.isEmpty ? inverse * inner : x[5] + inverse * inner]
            }
            runtime.run(.map(program, inputs: [norm.x, weight, norm.dy] + rows + addend, outputs: [dx], scalars: []))
        }
        if let dweight = norm.dweight {
            let program = Program(inputs: 4) { x, _ in [x[1] * (x[0] - x[3]) * x[2]] }
            let product = runtime.empty(norm.x.shape, norm.inverse.dtype)
            runtime.run(.map(program, inputs: [norm.x, norm.dy] + rows, outputs: [product.view], scalars: []))
            runtime.run(.sum(product.view, into: dweight.reshaped(to: [1, dweight.shape[0]]), accumulate: true))
        }
        if let dbias = norm.dbias {
            runtime.run(.sum(norm.dy, into: dbias.reshaped(to: [1, dbias.shape[0]]), accumulate: true))
        }
    }

    func rotary(_ rotary: Rotary) {
        let (x, y) = (rotary.x, rotary.y)
        let half = rotary.cosine.shape[1]
        let tokens = x.shape[0] * x.shape[1]
        let positions = rotary.positions.isContiguous
            ? rotary.positions : Tensor(rotary.positions, runtime).contiguous().view
        let tables = [rotary.cosine, rotary.sine].map { table -> BufferView in
            let rows = runtime.empty([tokens, half], table.dtype)
            runtime.run(.gather(table: table, indices: positions.reshaped(to: [tokens]), output: rows.view))
            return rows.view.reshaped(to: [x.shape[0], x.shape[1], 1, half])
                .broadcast(to: [x.shape[0], x.shape[1], x.shape[2], half])
        }
        let program = Program(inputs: 4, scalars: 1) { x, sign in
            let sine = x[3] * sign[0]
            return [x[0] * x[2] - x[1] * sine, x[1] * x[2] + x[0] * sine]
        }
        let inputs = [x.sliced(dim: 3, 0..<half), x.sliced(dim: 3, half..<2 * half)] + tables
        let outputs = [y.sliced(dim: 3, 0..<half), y.sliced(dim: 3, half..<2 * half)]
        runtime.run(.map(program, inputs: inputs, outputs: outputs, scalars: [rotary.inverse ? -1 : 1]))
        if 2 * half < x.shape[3] {
            let rest = 2 * half..<x.shape[3]
            runtime.run(.copy(from: x.sliced(dim: 3, rest), to: y.sliced(dim: 3, rest)))
        }
    }
}
