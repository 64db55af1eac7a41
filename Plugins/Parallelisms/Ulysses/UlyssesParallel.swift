// T tokens of a row, c context ranks

public import Core
public import PluginAPI

/// The ranks of the context axis hold consecutive tokens of every row, and swap them for heads around attention (Jacobs
/// et al., "DeepSpeed Ulysses", 2023, arXiv 2309.14509).
///
/// Any length: rows are padded to a multiple of c by tokens that nothing depends on. Any number of key/value heads.
public struct UlyssesParallel: ParallelStrategy {
    public static let axis = MeshAxis.context

    public init(_ config: NoConfig) {}

    public func problems(_ run: DividedRun) -> [InputProblem] {
        let (ranks, tensorRanks) = (run.mesh[.context], run.mesh[.tensor])
        let heads = run.configuration.headCount / tensorRanks
        if heads % ranks == 0 { return [] }
        let possible = (1..<ranks).filter { heads % $0 == 0 }.map(String.init).joined(separator: " | ")
        let divided = tensorRanks == 1 ? "" : " of each of \(tensorRanks) tensor ranks"
        return [
            InputProblem(
                "parallel.context", "\(ranks) ranks cannot divide the \(heads) heads\(divided) evenly, as ulysses does",
                fix: "parallel.context.strategy=ring, or parallel.context.size=\(possible)")
        ]
    }

    public func refine(_ plan: inout RankPlan) {
        let ranks = plan.mesh.along(.context)
        plan.tokens.chunks = TokenCut.contiguous(ranks.rankCount)
        plan.tokens.rank = ranks.rank
        plan.attention = UlyssesAttention(ranks)
    }
}

/// Registers `ulysses`.
public struct UlyssesPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("ulysses", UlyssesParallel.self) }
}
