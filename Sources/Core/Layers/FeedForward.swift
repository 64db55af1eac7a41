// B batch, T tokens, C width

/// What follows attention in a block: one feed-forward layer for all tokens, or experts of which each token has some.
public enum FeedForward {
    case dense(MLP)
    case experts(ExpertMLP)

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        configuration.experts(layer: layer) == nil
            ? MLP.specs(configuration, layer: layer) : ExpertMLP.specs(configuration, layer: layer)
    }

    init(_ configuration: DecoderConfiguration, layer: Int, from parameters: ParameterStore) {
        self = ExpertMLP(configuration, layer: layer, from: parameters).map { .experts($0) }
            ?? .dense(MLP(configuration, layer: layer, from: parameters))
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        switch self {
        case .dense(let mlp): mlp(graph, x, context)
        case .experts(let experts): experts(graph, x, context)
        }
    }

    /// residual += self(x), in place, where nothing is recorded.
    func add(_ graph: Graph, _ x: Tensor, _ context: DecoderContext, to residual: Tensor) {
        switch self {
        case .dense(let mlp): mlp.add(graph, x, context, to: residual)
        case .experts(let experts): experts.add(graph, x, context, to: residual)
        }
    }
}
