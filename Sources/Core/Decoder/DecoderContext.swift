// B batch, T tokens, P positions, R rotated dims of a head

/// What every block of a forward pass reads beside the residual stream.
public struct DecoderContext {
    /// Where routers leave what they decided; nil = nobody asks.
    public var routers: RouterRecord?
    /// [B, T] int32
    public let positions: Tensor
    /// [B, T] int32: the index in its whole row at which each token's document starts; nil = one document a row.
    public let documentStart: Tensor?
    /// As in `TokenBatch`, here and below.
    public let counted: Tensor?
    public let tokenCount: Int
    /// Cosines and sines, [P, R/2] each; nil where positions are learned.
    public let rotation: (cosine: Tensor, sine: Tensor)?
    /// Where keys and values of earlier tokens are; nil outside generation.
    public let cache: CachedBatch?
    /// What happens at the borders of layers that are divided over ranks.
    public let exchange: any LayerExchange
    /// How attention is done where ranks hold parts of the tokens.
    public let attention: any AttentionExchange
    /// Where the experts of tokens are.
    public let experts: any ExpertExchange
}
