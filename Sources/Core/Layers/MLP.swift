// B batch, T tokens, C width, F hidden features

/// The feed-forward layer of a block.
public enum MLP {
    /// down(activation(gate(x)) * up(x)): Shazeer 2020, arXiv 2002.05202, eq. 6.
    case gated(Activation, gate: Linear, up: Linear, down: Linear)
    /// The same where one product gives gate(x) and up(x) side by side.
    case joined(Activation, gateAndUp: Linear, down: Linear)
    /// down(activation(up(x)))
    case plain(Activation, up: Linear, down: Linear)

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        let (names, block) = (configuration.names, DecoderConfiguration.blockName(layer))
        func projection(_ part: String, _ inputs: Int, _ outputs: Int, _ role: Placement.Role) -> [ParameterSpec] {
            Linear.specs(
                names.layer(layer, part), block: block, inputs: inputs, outputs: outputs,
                hasBias: configuration.mlpHasBias, isTransposed: configuration.storesTransposed,
                initializer: configuration.initializer(residual: role == .rows), role: role)
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
        let activation = configuration.activation
        if !configuration.isGated {
            self = .plain(activation, up: up, down: down)
            return
        }
        let gate = projection(names.gate)
        self = Linear.joining([gate, up]).map { .joined(activation, gateAndUp: $0, down: down) }
            ?? .gated(activation, gate: gate, up: up, down: down)
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        context.exchange.project(down, graph, hidden(graph, context.exchange.enter(graph, x)))
    }

    /// residual += mlp(x), in place, where nothing is recorded.
    func add(_ graph: Graph, _ x: Tensor, _ context: DecoderContext, to residual: Tensor) {
        context.exchange.add(down, graph, hidden(graph, context.exchange.enter(graph, x)), to: residual)
    }

    private var down: Linear {
        switch self {
        case .gated(_, _, _, let down), .joined(_, _, let down), .plain(_, _, let down): down
        }
    }

    /// What the last projection reads, [B, T, F].
    private func hidden(_ graph: Graph, _ x: Tensor) -> Tensor {
        switch self {
        case .gated(let activation, let gate, let up, _):
            return graph.gated(activation, gate: gate(graph, x), up: up(graph, x))
        case .joined(let activation, let both, _): return graph.gated(activation, halves: both(graph, x))
        case .plain(let activation, let up, _): return graph.activation(activation, up(graph, x))
        }
    }
}
