// N tokens, H heads, K key/value heads, D head size, P blocks, S tokens of a block, B sequences, W blocks of a sequence

/// Attention of new tokens over keys and values that a cache holds in blocks.
///
/// out[n] = softmax(scale * q[n] k^T over visible keys) v. Token n at position i = positions[n] of sequence
/// b = sequences[n] sees keys max(0, i - window + 1)...i; key j lies in row j % S of block blocks[b, j / S]. Head h reads
/// key/value head h / (H / K). A token's result depends on its own keys alone, not on what else is in the call.
public struct CachedAttention {
    /// [N, H, D]; last stride 1
    public var q: BufferView
    /// [P, K, D, S] contiguous: the keys of a block are next to each other for each dim.
    public var keys: BufferView
    /// [P, S, K, D] contiguous
    public var values: BufferView
    /// [N, H, D]; last stride 1
    public var out: BufferView
    public var scale: Double
    /// How many latest keys are seen; nil = all.
    public var window: Int?
    /// [N] int32
    public var positions: BufferView
    /// [N] int32; the tokens of a sequence follow each other
    public var sequences: BufferView
    /// [B, W] int32; entries beyond a sequence's last block are any block
    public var blocks: BufferView

    public init(
        q: BufferView, keys: BufferView, values: BufferView, out: BufferView, scale: Double, window: Int? = nil,
        positions: BufferView, sequences: BufferView, blocks: BufferView
    ) {
        precondition(
            q.dimCount == 3 && out.shape == q.shape && keys.dimCount == 4 && q.shape[2] == keys.shape[2]
                && values.shape == [keys.shape[0], keys.shape[3], keys.shape[1], keys.shape[2]]
                && q.shape[1] % keys.shape[1] == 0 && positions.shape == [q.shape[0]]
                && sequences.shape == [q.shape[0]] && blocks.dimCount == 2,
            "cached attention: q \(q.shape), keys \(keys.shape), values \(values.shape), positions "
                + "\(positions.shape), sequences \(sequences.shape) and blocks \(blocks.shape) do not fit")
        (self.q, self.keys, self.values, self.out) = (q, keys, values, out)
        (self.scale, self.window) = (scale, window)
        (self.positions, self.sequences, self.blocks) = (positions, sequences, blocks)
    }
}
