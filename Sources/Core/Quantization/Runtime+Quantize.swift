// O outputs, I inputs

extension Runtime {
    /// The weights in 8 or 4 bits, each number to the nearest.
    /// - Parameters:
    ///   - weights: [O, I], of any floating type.
    ///   - format: how numbers are kept.
    public func quantized(_ weights: BufferView, _ format: QuantizedMatrix.Format) -> QuantizedMatrix {
        precondition(
            weights.dimCount == 2 && weights.elementCount > 0,
            "quantize: \(weights.shape), expected a matrix with rows and columns")
        let dense = Tensor(weights, self).contiguous().view
        return switch format {
        case .int8: quantizedRows(dense)
        case .nf4: quantizedBlocks(dense)
        }
    }

    private func quantizedRows(_ weights: BufferView) -> QuantizedMatrix {
        let rows = weights.shape[0]
        let codes = empty(weights.shape, .uint8).view
        let scales = empty([rows], .float32).view
        let program = Program(inputs: 1) { x, _ in
            let scale = x[0].magnitude.rowMax / 127
            let zero = scale.constant(0)
            // Storing bytes truncates.
            return [select(scale == zero, zero, x[0] / scale) + 128.5, scale]
        }
        run(.map(program, inputs: [weights], outputs: [codes, scales.reshaped(to: [rows, 1])], scalars: []))
        return QuantizedMatrix(codes: codes, scales: .rows(scales), columns: weights.shape[1])
    }

    private func quantizedBlocks(_ weights: BufferView) -> QuantizedMatrix {
        let (rows, columns) = (weights.shape[0], weights.shape[1])
        let count = rows * NF4.blockCount(columns)
        let absmax = empty([count], .float32)
        // A code of 0 fills up the last byte of rows of odd length.
        let codes = zeros([rows, (columns + 1) / 2 * 2], .uint8).view
        let code = Program(inputs: 1) { x, _ in
            let (largest, zero) = (x[0].magnitude.rowMax, x[0].constant(0))
            let ratio = select(largest == zero, zero, x[0] / largest)
            return [NF4.thresholds.reduce(zero) { $0 + (zero.constant($1) < ratio) }, largest]
        }
        let targets = NF4.blocks(codes.sliced(dim: 1, 0..<columns), absmax.view)
        for (numbers, target) in zip(NF4.blocks(weights, absmax.view), targets) {
            run(.map(code, inputs: [numbers.numbers], outputs: [target.numbers, target.scales], scalars: []))
        }
        let pair = Program(inputs: 2) { x, _ in [x[0] * 16 + x[1]] }
        let packed = empty([rows, (columns + 1) / 2], .uint8).view
        run(.map(pair, inputs: [codes.everySecond(from: 0), codes.everySecond(from: 1)], outputs: [packed], scalars: []))

        // Scales are positive; about their mean the signed code serves them twice as well.
        let offset = Float(absmax.doubles().reduce(0, +) / Double(count))
        let shift = Program(inputs: 1, scalars: 1) { x, s in [x[0] - s[0]] }
        let blocks = QuantizedBlocks.zeros(count, isSigned: true, self)
        run(
            .storedMap(
                StoredMap(shift, inputs: [.numbers(absmax.view)], outputs: [.blocks(blocks)], scalars: [Double(offset)])))
        return QuantizedMatrix(codes: packed, scales: .blocks(blocks, offset: offset), columns: columns)
    }
}

extension BufferView {
    /// Columns `first`, `first + 2`, ... of a matrix with an even number of them.
    func everySecond(from first: Int) -> BufferView {
        BufferView(
            buffer: buffer, offset: offset + first, shape: [shape[0], shape[1] / 2], strides: [strides[0], 2],
            dtype: dtype)
    }
}
