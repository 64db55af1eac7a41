// T tokens of a row, c context ranks

public import Core
public import PluginAPI

/// The ranks of the context axis hold chunks of every row's tokens, and their keys and values travel round (Liu et al.,
/// "Ring Attention with Blockwise Transformers for Near-Infinite Context", 2023, arXiv 2310.01889).
///
/// A rank has one chunk from the beginning and one from the end, since later tokens see more. Any number of heads, any
/// length: rows are padded to a multiple of 2c by tokens that nothing depends on.
public struct RingParallel: ParallelStrategy {
    public static let axis = MeshAxis.context

    public init(_ config: NoConfig) {}

    public func problems(_ run: DividedRun) -> [InputProblem] { [] }

    public func refine(_ plan: inout RankPlan) {
        let ranks = plan.mesh.along(.context)
        plan.tokens.chunks = TokenCut.balanced(ranks.rankCount)
        plan.tokens.rank = ranks.rank
        plan.attention = RingAttention(ranks, chunks: plan.tokens.chunks)
    }
}

/// Registers `ring`.
public struct RingPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("ring", RingParallel.self) }
}
