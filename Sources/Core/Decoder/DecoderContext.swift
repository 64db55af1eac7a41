// B batch, T tokens, P positions, R rotated dims of a head

/// What every block of a forward pass reads beside the residual stream.
public struct DecoderContext {
    /// [B, T] int32
    public let positions: Tensor
    /// [B, T] int32; nil = one document a row.
    public let documentStart: Tensor?
    /// Cosines and sines, [P, R/2] each; nil where positions are learned.
    public let rotation: (cosine: Tensor, sine: Tensor)?
    /// Where keys and values of earlier tokens are; nil outside generation.
    public let cache: CachedBatch?
    /// What happens at the borders of layers that are divided over ranks.
    public let exchange: any LayerExchange
}
