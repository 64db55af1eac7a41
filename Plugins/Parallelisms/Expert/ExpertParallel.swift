public import Core
public import PluginAPI

/// The ranks of the expert axis have some of the experts of every layer each, and send tokens to those that have theirs
/// (Lepikhin et al., "GShard", 2020, arXiv 2006.16668, section 3.2). They read different samples, as data ranks do.
public struct ExpertParallel: ParallelStrategy {
    public static let axis = MeshAxis.expert

    public init(_ config: NoConfig) {}

    public func problems(_ run: DividedRun) -> [InputProblem] {
        let ranks = run.mesh[.expert]
        guard run.configuration.expertLayerCount > 0, let count = run.configuration.experts?.count else {
            return [
                InputProblem(
                    "parallel.expert", "\(ranks) ranks, and the model has no experts",
                    fix: "parallel.data=\(ranks * run.mesh[.data]), and no parallel.expert")
            ]
        }
        if count % ranks == 0 { return [] }
        let possible = (1...count).filter { count % $0 == 0 }.map(String.init).joined(separator: " | ")
        return [
            InputProblem(
                "parallel.expert", "\(ranks) ranks cannot divide \(count) experts evenly", fix: "parallel.expert=\(possible)")
        ]
    }

    public func refine(_ plan: inout RankPlan) {
        guard let count = plan.configuration.experts?.count else { return }
        plan.experts = DividedExperts(plan.mesh.along(.expert), expertCount: count)
    }
}

/// Registers `expert`.
public struct ExpertPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("expert", ExpertParallel.self) }
}
