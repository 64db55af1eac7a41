// N elements, R blocks

extension Composition {
    func storedMap(_ map: StoredMap) {
        let numbers = (map.inputs + map.outputs).compactMap(\.view)
        let wide: DType = numbers.contains { $0.dtype == .float64 } ? .float64 : .float32
        let inputs = map.inputs.map { input in
            switch input {
            case .numbers(let view), .rounded(let view, _, _): view
            case .blocks(let blocks): decoded(blocks, wide)
            }
        }
        let outputs = map.outputs.map { output in
            if case .numbers(let view) = output { view } else { runtime.empty([map.elementCount], wide).view }
        }
        runtime.run(.map(map.program, inputs: inputs, outputs: outputs, scalars: map.scalars))
        for (output, numbers) in zip(map.outputs, outputs) {
            switch output {
            case .numbers: break
            case .rounded(let view, let source, let first):
                runtime.run(.round(numbers, to: view, source, first: first))
            case .blocks(let blocks): encode(numbers, into: blocks)
            }
        }
    }

    /// number = table[code] * scale
    private func decoded(_ blocks: QuantizedBlocks, _ dtype: DType) -> BufferView {
        let count = blocks.elementCount
        let numbers = (blocks.isSigned ? DynamicCode.signed : .nonnegative).numbers
        let table = runtime.tensor(numbers, [256, 1], dtype)
        let indices = runtime.empty([count], .int32)
        runtime.run(.copy(from: blocks.codes, to: indices.view))
        let result = runtime.empty([count], dtype)
        runtime.run(
            .gather(table: table.view, indices: indices.view, output: result.view.reshaped(to: [count, 1])))
        let product = Program(inputs: 2) { x, _ in [x[0] * x[1]] }
        for (elements, scales) in rows(blocks) {
            let view = result.view.sliced(dim: 0, elements.range).reshaped(to: elements.shape)
            runtime.run(.map(product, inputs: [view, scales], outputs: [view], scalars: []))
        }
        return result.view
    }

    /// The scale is the number of largest magnitude; the code counts the thresholds below number / scale.
    private func encode(_ numbers: BufferView, into blocks: QuantizedBlocks) {
        let (isSigned, code) = (blocks.isSigned, blocks.isSigned ? DynamicCode.signed : .nonnegative)
        let program = Program(inputs: 1) { x, _ in
            let zero = x[0].constant(0)
            let (up, down) = (maximum(x[0].rowMax, zero), isSigned ? maximum((-x[0]).rowMax, zero) : zero)
            let largest = select(up < down, -down, up)
            let scale = select(largest.magnitude < zero.constant(0x1p-100), zero, largest)
            let ratio = select(scale == zero, zero, x[0] / scale)
            return [code.thresholds.reduce(zero) { $0 + (zero.constant($1) < ratio) }, scale]
        }
        for (elements, scales) in rows(blocks) {
            func view(_ flat: BufferView) -> BufferView {
                flat.sliced(dim: 0, elements.range).reshaped(to: elements.shape)
            }
            runtime.run(.map(program, inputs: [view(numbers)], outputs: [view(blocks.codes), scales], scalars: []))
        }
    }

    /// The whole blocks as [R, 256] beside their scales [R, 1], then the rest as one row.
    private func rows(
        _ blocks: QuantizedBlocks
    ) -> [(elements: (range: Range<Int>, shape: [Int]), scales: BufferView)] {
        let size = QuantizedBlocks.blockSize
        let (count, whole) = (blocks.elementCount, blocks.elementCount / size)
        let parts = [(0..<whole * size, [whole, size], 0..<whole), (whole * size..<count, [1, count % size], whole..<whole + 1)]
        return parts.filter { !$0.0.isEmpty }.map { range, shape, scales in
            ((range, shape), blocks.scales.sliced(dim: 0, scales).reshaped(to: [scales.count, 1]))
        }
    }
}
