// N tokens, H heads, K key/value heads, D head size, P blocks, S tokens of a block, W blocks of a sequence

extension Composition {
    /// Tokens whose keys are laid out at once; bounds the memory of the copies.
    private static let tokens = 64

    /// Each token's blocks are gathered into a sequence of its own.
    func cachedAttention(_ attention: CachedAttention) {
        let count = attention.q.shape[0]
        for first in stride(from: 0, to: count, by: Composition.tokens) {
            cachedAttention(attention, first..<min(first + Composition.tokens, count))
        }
    }

    private func cachedAttention(_ attention: CachedAttention, _ range: Range<Int>) {
        let shape = attention.values.shape
        let (size, heads, headSize, width) = (shape[1], shape[2], shape[3], attention.blocks.shape[1])
        let table = runtime.empty([range.count, width], .int32)
        runtime.run(
            .gather(
                table: attention.blocks, indices: attention.sequences.sliced(dim: 0, range), output: table.view))
        let indices = table.view.reshaped(to: [range.count * width])
        func gathered(_ blocks: BufferView) -> BufferView {
            let rows = runtime.empty([range.count * width, size * heads * headSize], blocks.dtype)
            runtime.run(
                .gather(
                    table: blocks.reshaped(to: [blocks.shape[0], rows.shape[1]]), indices: indices, output: rows.view))
            return rows.view
        }
        let keys = runtime.empty([range.count * width, size, heads, headSize], attention.keys.dtype)
        runtime.run(
            .copy(
                from: gathered(attention.keys).reshaped(to: [range.count * width, heads, headSize, size])
                    .transposed(2, 3).transposed(1, 2), to: keys.view))
        let sequence = [range.count, width * size, heads, headSize]
        func single(_ view: BufferView) -> BufferView {
            let part = view.sliced(dim: 0, range)
            return BufferView(
                buffer: part.buffer, offset: part.offset, shape: [range.count, 1] + part.shape.dropFirst(),
                strides: [part.strides[0]] + part.strides, dtype: part.dtype)
        }
        let kept: DType = attention.q.dtype == .float64 ? .float64 : .float32
        let logSumExp = runtime.empty([range.count, attention.q.shape[1], 1], kept)
        runtime.run(
            .attention(
                Attention(
                    q: single(attention.q), k: keys.view.reshaped(to: sequence),
                    v: gathered(attention.values).reshaped(to: sequence), out: single(attention.out),
                    logSumExp: logSumExp.view, scale: attention.scale, window: attention.window,
                    queryStart: attention.positions.sliced(dim: 0, range), documentStart: nil)))
    }
}
