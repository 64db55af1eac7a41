// B batch, T tokens, C width, F hidden features

/// The feed-forward layer of a block.
public enum MLP {
    /// down(activation(gate(x)) * up(x)): Shazeer 2020, arXiv 2002.05202, eq. 6.
    case gated(Activation, gate: Linear, up: Linear, down: Linear)
    /// down(activation(up(x)))
    case plain(Activation, up: Linear, down: Linear)

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        let (names, block) = (configuration.names, DecoderConfiguration.blockName(layer))
        func projection(_ part: String, _ inputs: Int, _ outputs: Int, _ placement: Placement) -> [ParameterSpec] {
            Linear.specs(
                names.layer(layer, part), block: block, inputs: inputs, outputs: outputs,
                hasBias: configuration.mlpHasBias, isTransposed: configuration.storesTransposed,
                initializer: configuration.initializer(residual: placement == .rows), placement: placement)
        }
        let (width, hidden) = (configuration.width, configuration.mlpWidth)
        let gate = configuration.isGated ? projection(names.gate, width, hidden, .columns) : []
        return gate + projection(names.up, width, hidden, .columns) + projection(names.down, hidden, width, .rows)
    }

    init(_ configuration: DecoderConfiguration, layer: Int, from parameters: ParameterStore) {
        let names = configuration.names
        func projection(_ part: String) -> Linear {
            Linear(names.layer(layer, part), isTransposed: configuration.storesTransposed, from: parameters)
        }
        let (up, down) = (projection(names.up), projection(names.down))
        self = configuration.isGated
            ? .gated(configuration.activation, gate: projection(names.gate), up: up, down: down)
            : .plain(configuration.activation, up: up, down: down)
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor) -> Tensor {
        switch self {
        case .gated(let activation, let gate, let up, let down):
            down(graph, graph.gated(activation, gate: gate(graph, x), up: up(graph, x)))
        case .plain(let activation, let up, let down):
            down(graph, graph.activation(activation, up(graph, x)))
        }
    }
}
