public import Core
public import PluginAPI

/// Every data rank holds the whole model and reads samples of its own. The sum of a block's gradients over ranks travels
/// while the backward of the blocks before it runs (Li et al., "PyTorch Distributed", 2020, arXiv 2006.15704, section 3.2;
/// an arena is a bucket).
public struct DataParallel: ParallelStrategy {
    public static let axis = MeshAxis.data

    public init(_ config: NoConfig) {}

    public func problems(_ run: DividedRun) -> [InputProblem] { [] }

    /// A rank that holds all of a model already sums its gradients over those that see other tokens.
    public func refine(_ plan: inout RankPlan) {}
}

/// Registers `data`.
public struct DataPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("data", DataParallel.self) }
}
