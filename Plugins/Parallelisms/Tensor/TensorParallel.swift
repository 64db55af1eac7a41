// R ranks

public import Core
public import PluginAPI

/// The ranks of the tensor axis compute a part of every layer each (Shoeybi et al., "Megatron-LM", 2019, arXiv 1909.08053).
public struct TensorParallel: ParallelStrategy {
    public static let axis = MeshAxis.tensor

    /// What the recipe's `parallel.tensor:` may say beside size and strategy.
    public struct Config: PluginConfig {
        /// See `help`.
        public var sequence = false

        public static let template = Config()
        public static let help = [
            "sequence": "whether each rank keeps a part of the tokens between layers: less memory for activations"
        ]
    }

    /// Cutting the sequence sends as many bytes and keeps fewer.
    public static let variants = [false, true].map { sequence in
        var config = Config()
        config.sequence = sequence
        return config
    }

    private let config: Config

    public init(_ config: Config) { self.config = config }

    public func problems(_ run: DividedRun) -> [InputProblem] {
        let ranks = run.mesh[.tensor]
        let configuration = run.configuration
        let specs = DecoderModel.specs(configuration)
        func undivided(by count: Int) -> ParameterSpec? {
            specs.first { $0.placement.ranges(of: $0.shape[$0.placement.dim], rank: 0, of: count) == nil }
        }
        guard let first = undivided(by: ranks) else { return [] }
        // What has no ranges is said once for each cause, not for each layer.
        let causes: [(name: String, count: Int)] = [
            ("heads", configuration.headCount), ("key/value heads", configuration.keyValueHeadCount),
            ("features of the feed-forward layers", configuration.mlpWidth),
            ("features of an expert", configuration.experts?.width ?? 0),
        ]
        let found = causes.filter { $0.count % ranks != 0 && ($0.name != "key/value heads" || ranks % $0.count != 0) }
        let what = found.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        let possible = (1...ranks).filter { undivided(by: $0) == nil }.map(String.init)
        return [
            InputProblem(
                "parallel.tensor",
                "\(ranks) ranks cannot divide \(what.isEmpty ? first.name : what) evenly",
                fix: "parallel.tensor=\(possible.joined(separator: " | "))")
        ]
    }

    public func refine(_ plan: inout RankPlan) {
        let exchange = TensorExchange(plan.mesh, cutsTokens: config.sequence)
        if config.sequence { plan.tokens.streamRanks = plan.mesh.shape[.tensor] }
        plan.exchange = exchange
        plan.place = exchange.place
    }
}

/// Registers `tensor`.
public struct TensorPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("tensor", TensorParallel.self) }
}
