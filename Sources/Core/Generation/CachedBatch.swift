// N new tokens, B sequences, W blocks of the longest, H heads, K key/value heads, D head size, S tokens of a block

/// New tokens of cached sequences, laid end to end in one row, and where their keys and values go.
public final class CachedBatch {
    /// ids and positions, [1, N]
    public let tokens: TokenBatch
    private let cache: KeyValueCache
    /// [N] int32: each token's sequence.
    private let sequences: Tensor
    /// [N] int32: where each token's keys and values start, in the cache's element order.
    private let keyPlaces: Tensor
    private let valuePlaces: Tensor
    /// [B, W] int32
    private let blocks: Tensor

    /// Room for `count` new tokens of `sequenceCount` sequences; filled by `fill`.
    /// - Parameter capacity: the most tokens that a sequence can come to have.
    init(_ cache: KeyValueCache, count: Int, sequenceCount: Int, capacity: Int, _ runtime: Runtime) {
        self.cache = cache
        tokens = TokenBatch(ids: runtime.empty([1, count], .int32), positions: runtime.empty([1, count], .int32))
        sequences = runtime.empty([count], .int32)
        keyPlaces = runtime.empty([count], .int32)
        valuePlaces = runtime.empty([count], .int32)
        blocks = runtime.zeros([sequenceCount, cache.blocks(for: capacity)], .int32)
    }

    /// Puts in the last tokens of each sequence, for which the cache has room already.
    func fill(_ parts: [(sequence: CachedSequence, ids: [Int32])]) {
        var ids: [Int32] = []
        var (positions, rows, keyPlaces, valuePlaces): ([Int32], [Int32], [Int32], [Int32]) = ([], [], [], [])
        let (size, width) = (cache.blockSize, blocks.shape[1])
        var table = [Int32](repeating: 0, count: blocks.elementCount)
        for (row, part) in parts.enumerated() {
            let held = part.sequence.blocks
            precondition(held.count <= width, "cached batch: \(held.count) blocks do not fit a table of \(width)")
            for (index, block) in held.enumerated() { table[row * width + index] = block }
            ids += part.ids
            for position in part.sequence.length - part.ids.count..<part.sequence.length {
                let (block, place) = (Int(held[position / size]), position % size)
                positions.append(Int32(position))
                rows.append(Int32(row))
                keyPlaces.append(Int32(block * cache.heads.count * cache.heads.size * size + place))
                valuePlaces.append(Int32(block * size + place))
            }
        }
        for (values, tensor) in [
            (ids, tokens.ids), (positions, tokens.positions), (rows, sequences), (keyPlaces, self.keyPlaces),
            (valuePlaces, self.valuePlaces), (table, blocks),
        ] {
            precondition(values.count == tensor.elementCount, "cached batch: \(values.count) values for \(tensor.shape)")
            values.withUnsafeBytes { tensor.runtime.backend.copy(.toDevice($0, tensor.view)) }
        }
    }

    /// Stores the new keys and values, [1, N, K, D], and attends to all that each token sees; q and result [1, N, H, D].
    func attention(
        _ runtime: Runtime, _ q: Tensor, _ k: Tensor, _ v: Tensor, layer: Int, scale: Double, window: Int?
    ) -> Tensor {
        let (keys, values) = cache.layers[layer]
        let (count, width) = (q.shape[1], k.shape[2] * k.shape[3])
        // A token's keys are a column of its block: rows of a table in which each starts one element after the last.
        let keyTable = BufferView(
            buffer: keys.view.buffer, offset: keys.view.offset,
            shape: [keys.elementCount - (width - 1) * cache.blockSize, width], strides: [1, cache.blockSize],
            dtype: keys.dtype)
        let valueTable = values.view.reshaped(to: [values.elementCount / width, width])
        runtime.run(.scatter(source: rows(k), indices: keyPlaces.view, table: keyTable))
        runtime.run(.scatter(source: rows(v), indices: valuePlaces.view, table: valueTable))
        let out = runtime.empty([count, q.shape[2], q.shape[3]], q.dtype)
        runtime.run(
            .cachedAttention(
                CachedAttention(
                    q: heads(q.view), keys: keys.view, values: values.view, out: out.view, scale: scale,
                    window: window, positions: tokens.positions.view.reshaped(to: [count]), sequences: sequences.view,
                    blocks: blocks.view)))
        return out.reshaped(to: q.shape)
    }

    /// [1, N, H, D] seen as [N, H, D]
    private func heads(_ view: BufferView) -> BufferView {
        BufferView(
            buffer: view.buffer, offset: view.offset, shape: Array(view.shape.dropFirst()),
            strides: Array(view.strides.dropFirst()), dtype: view.dtype)
    }

    /// [1, N, K, D] seen as [N, K * D]
    private func rows(_ tensor: Tensor) -> BufferView {
        let shape = tensor.shape
        let isDense = tensor.view.strides[3] == 1 && tensor.view.strides[2] == shape[3]
        let view = isDense ? tensor.view : tensor.contiguous().view
        return BufferView(
            buffer: view.buffer, offset: view.offset, shape: [shape[1], shape[2] * shape[3]],
            strides: [view.strides[1], 1], dtype: view.dtype)
    }
}
