// B batch, T tokens, C width

/// One pre-norm transformer block: h = x + attention(norm(x)), y = h + mlp(norm(h)).
public struct DecoderBlock {
    /// As in `ParameterSpec.block`.
    public let name: String
    public let attentionNorm: Normalization
    public let attention: SelfAttention
    public let mlpNorm: Normalization
    public let mlp: MLP

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        let (names, block) = (configuration.names, DecoderConfiguration.blockName(layer))
        func norm(_ part: String) -> [ParameterSpec] {
            Normalization.specs(
                configuration.norm, names.layer(layer, part), block: block, width: configuration.width)
        }
        return norm(names.attentionNorm) + SelfAttention.specs(configuration, layer: layer)
            + norm(names.mlpNorm) + MLP.specs(configuration, layer: layer)
    }

    init(_ configuration: DecoderConfiguration, layer: Int, from parameters: ParameterStore) {
        func norm(_ part: String) -> Normalization {
            Normalization(
                configuration.norm, configuration.names.layer(layer, part), epsilon: configuration.normEpsilon,
                from: parameters)
        }
        name = DecoderConfiguration.blockName(layer)
        attentionNorm = norm(configuration.names.attentionNorm)
        attention = SelfAttention(configuration, layer: layer, from: parameters)
        mlpNorm = norm(configuration.names.mlpNorm)
        mlp = MLP(configuration, layer: layer, from: parameters)
    }

    /// x [B, T, C]; result [B, T, C], with a cache x itself.
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        if context.cache != nil {
            // Nobody else reads the residual stream of generation, so it is added to where it lies.
            attention.add(graph, attentionNorm(graph, x), context, to: x)
            mlp.add(graph, mlpNorm(graph, x), context, to: x)
            return x
        }
        let (attended, residual) = attentionNorm.withInput(graph, x)
        let h = graph.add(residual, attention(graph, attended, context))
        let (mixed, sum) = mlpNorm.withInput(graph, h)
        return graph.add(sum, mlp(graph, mixed, context))
    }
}
