public import Core
public import PluginAPI

/// The ranks of the context axis hold consecutive tokens of every row, and gather the keys and values of all before
/// attention (Llama team, "The Llama 3 Herd of Models", 2024, arXiv 2407.21783, section 3.3.2).
public struct GatherParallel: ParallelStrategy {
    public static let axis = MeshAxis.context

    public init(_ config: NoConfig) {}

    /// Any number of heads, any length: rows are filled up to equal parts.
    public func problems(_ run: DividedRun) -> [InputProblem] { [] }

    public func refine(_ plan: inout RankPlan) {
        let ranks = plan.mesh.along(.context)
        plan.tokens.chunks = TokenCut.contiguous(ranks.rankCount)
        plan.tokens.rank = ranks.rank
        plan.attention = GatheredAttention(ranks: ranks)
    }
}

/// Registers `gather`.
public struct GatherPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("gather", GatherParallel.self) }
}
