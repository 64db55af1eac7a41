// B batch, T tokens, N = B T, C width, F hidden features of an expert, E experts, k experts of a token, A = N k rows

/// A mixture of experts: y = sum over the k likeliest experts e of w_e down_e(activation(gate_e(x)) * up_e(x)), with
/// w_e their share of softmax(router(x)) (Shazeer et al. 2017, arXiv 1701.06538, eq. 1; Jiang et al. 2024,
/// arXiv 2401.04088, section 2.1).
///
/// Every token is served by its experts: there is no capacity beyond which tokens are dropped. Which rank has an expert
/// is `ExpertExchange`'s business; a layer is made of those that this rank holds.
public struct ExpertMLP {
    public let router: Linear
    private let inputs: Inputs
    private let down: [Parameter]
    private let activation: Activation
    private let settings: DecoderConfiguration.Experts

    /// The projections into experts, one of each expert.
    private enum Inputs {
        case separate(gate: [Parameter], up: [Parameter])
        /// Where one product gives gate(x) and up(x) side by side.
        case joined([Parameter])
    }

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        guard let experts = configuration.experts(layer: layer) else { return [] }
        let (names, width) = (configuration.names, configuration.width)
        func weight(
            _ name: String, _ outputs: Int, _ inputs: Int, _ placement: Placement, residual: Bool = false
        ) -> ParameterSpec {
            ParameterSpec(
                names.layer(layer, name) + ".weight", [outputs, inputs], block: DecoderConfiguration.blockName(layer),
                initializer: configuration.initializer(residual: residual), placement: placement)
        }
        return [weight(names.router, experts.count, width, Placement(.partial))]
            + (0..<experts.count).flatMap { expert in
                [
                    weight(names.expert(expert, names.expertGate), experts.width, width, Placement(.columns, expert: expert)),
                    weight(names.expert(expert, names.expertUp), experts.width, width, Placement(.columns, expert: expert)),
                    weight(
                        names.expert(expert, names.expertDown), width, experts.width,
                        Placement(.rows, dim: 1, expert: expert), residual: true),
                ]
            }
    }

    /// Nil where the layer has no experts.
    init?(_ configuration: DecoderConfiguration, layer: Int, from parameters: ParameterStore) {
        guard let experts = configuration.experts(layer: layer) else { return nil }
        let names = configuration.names
        let held = (0..<experts.count).filter {
            parameters.find(names.layer(layer, names.expert($0, names.expertDown)) + ".weight") != nil
        }
        func projections(_ part: String) -> [Linear] {
            held.map { Linear(names.layer(layer, names.expert($0, part)), from: parameters) }
        }
        router = Linear(names.layer(layer, names.router), from: parameters)
        let (gate, up) = (projections(names.expertGate), projections(names.expertUp))
        let joined = zip(gate, up).compactMap { Linear.joining([$0, $1]) }
        inputs = joined.count == gate.count
            ? .joined(joined.map(\.weight)) : .separate(gate: gate.map(\.weight), up: up.map(\.weight))
        down = projections(names.expertDown).map(\.weight)
        activation = configuration.activation
        settings = experts
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        let exchange = context.exchange
        let whole = exchange.enter(graph, x)
        let tokens = whole.reshaped(to: [whole.shape[0] * whole.shape[1], whole.shape[2]])
        let routing = ExpertRouting(graph, logits: router(graph, tokens), settings)
        context.routers?.add(graph, routing, context)
        let rows = graph.dispatch(tokens, routing.routes)
        let results = context.experts.serve(graph, rows, routing.routes.experts) { rows, experts in
            graph.linear(hidden(graph, rows, experts), down, experts: experts)
        }
        let sum = graph.combine(results, weights: routing.weights, routing.routes)
        return exchange.leave(graph, sum.reshaped(to: whole.shape))
    }

    /// residual += experts(x), in place, where nothing is recorded.
    func add(_ graph: Graph, _ x: Tensor, _ context: DecoderContext, to residual: Tensor) {
        let y = self(graph, x, context)
        graph.runtime.run(.map(.addition, inputs: [residual.view, y.view], outputs: [residual.view], scalars: []))
    }

    /// What the last projections read, [A, F].
    private func hidden(_ graph: Graph, _ rows: Tensor, _ experts: Tensor) -> Tensor {
        switch inputs {
        case .joined(let both): graph.gated(activation, halves: graph.linear(rows, both, experts: experts))
        case .separate(let gate, let up):
            graph.gated(
                activation, gate: graph.linear(rows, gate, experts: experts),
                up: graph.linear(rows, up, experts: experts))
        }
    }
}
