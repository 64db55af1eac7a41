// O outputs, I inputs

extension Composition {
    func quantizedMatmul(_ product: QuantizedMatmul) {
        let weights = decoded(product.weights, product.a.dtype == .float64 ? .float64 : .float32)
        runtime.run(
            .matmul(
                Matmul(
                    product.a, product.isBackward ? weights : weights.transposed(0, 1), into: product.c,
                    beta: product.accumulates ? 1 : 0)))
    }

    /// The whole matrix [O, I].
    private func decoded(_ matrix: QuantizedMatrix, _ dtype: DType) -> BufferView {
        let shape = [matrix.rowCount, matrix.columnCount]
        switch matrix.scales {
        case .rows(let scales):
            let result = runtime.empty(shape, dtype).view
            let program = Program(inputs: 2) { x, _ in [(x[0] - 128) * x[1]] }
            let column = scales.reshaped(to: [matrix.rowCount, 1])
            runtime.run(.map(program, inputs: [matrix.codes, column], outputs: [result], scalars: []))
            return result
        case .blocks(let blocks, let offset):
            let result = numbers(ofCodes: matrix.codes, dtype).sliced(dim: 1, 0..<matrix.columnCount)
            let scales = runtime.empty([blocks.elementCount], dtype).view
            let shift = Program(inputs: 1, scalars: 1) { x, s in [x[0] + s[0]] }
            runtime.run(
                .storedMap(
                    StoredMap(shift, inputs: [.blocks(blocks)], outputs: [.numbers(scales)], scalars: [Double(offset)])))
            let scale = Program(inputs: 2) { x, _ in [x[0] * x[1]] }
            for block in NF4.blocks(result, scales) {
                runtime.run(
                    .map(scale, inputs: [block.numbers, block.scales], outputs: [block.numbers], scalars: []))
            }
            return result
        }
    }

    /// The numbers [O, 2 P] of pairs of codes [O, P].
    private func numbers(ofCodes pairs: BufferView, _ dtype: DType) -> BufferView {
        let (rows, count) = (pairs.shape[0], 2 * pairs.shape[1])
        let codes = runtime.empty([rows, count], .int32).view
        let (upper, lower) = (codes.everySecond(from: 0), codes.everySecond(from: 1))
        // Storing integers truncates.
        let shift = Program(inputs: 1) { x, _ in [x[0] / 16] }
        runtime.run(.map(shift, inputs: [pairs], outputs: [upper], scalars: []))
        let rest = Program(inputs: 2) { x, _ in [x[0] - x[1] * 16] }
        runtime.run(.map(rest, inputs: [pairs, upper], outputs: [lower], scalars: []))
        let result = runtime.empty([rows, count], dtype).view
        let table = runtime.tensor(NF4.numbers, [16, 1], dtype)
        runtime.run(
            .gather(
                table: table.view, indices: codes.reshaped(to: [rows * count]),
                output: result.reshaped(to: [rows * count, 1])))
        return result
    }
}
