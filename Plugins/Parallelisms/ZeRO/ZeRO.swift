// d data ranks that share a copy of the model

public import Core
public import PluginAPI

/// Data ranks that keep a part each of what they would all keep: Rajbhandari et al., "ZeRO: Memory Optimizations Toward
/// Training Trillion Parameter Models", 2019, arXiv 1910.02054, section 5. With bfloat16 weights, float32 gradients and
/// AdamW, bytes a parameter: 6 + 12 / d for stage 1, 2 + 16 / d for stage 2.
public protocol ZeRO: ParallelStrategy where Config == ZeROConfig {
    static var level: ArenaSharding.Level { get }
    var config: ZeROConfig { get }
}

/// What the recipe's `parallel.data:` may say beside size and strategy.
public struct ZeROConfig: PluginConfig {
    /// See `help`, here and below.
    public var shard: Int?
    public var prefetch = 1
    public var reshard = true

    public static let template = ZeROConfig()
    public static let help = [
        "shard": "data ranks that share one copy, so that what is brought together stays among neighbours; null = all",
        "prefetch": "blocks whose weights are brought together ahead of the one that runs (zero3)",
        "reshard": "whether weights are given up between a block's forward and its backward (zero3)",
    ]
}

extension ZeRO {
    public static var axis: MeshAxis { .data }

    public func problems(_ run: DividedRun) -> [InputProblem] {
        let size = run.mesh[.data]
        var problems: [InputProblem] = []
        if let shard = config.shard, shard < 1 || size % shard != 0 {
            let known = (1...size).filter { size % $0 == 0 }.map(String.init).joined(separator: " | ")
            problems.append(
                InputProblem("parallel.data.shard", "found \(shard), expected a number that divides the \(size) data ranks",
                    fix: "parallel.data.shard=\(known)"))
        }
        if config.prefetch < 0 {
            problems.append(InputProblem("parallel.data.prefetch", "found \(config.prefetch), expected 0 or more blocks"))
        }
        return problems
    }

    public func refine(_ plan: inout RankPlan) {
        plan.storage.level = Self.level
        plan.storage.sharingRanks = config.shard
        plan.storage.prefetch = config.prefetch
        plan.storage.reshards = config.reshard
    }
}

/// Stage 1: master weights and optimizer states are divided.
public struct ZeRO1: ZeRO {
    public static let level = ArenaSharding.Level.states
    public let config: ZeROConfig
    public init(_ config: ZeROConfig) { self.config = config }
}

/// Stage 2: gradients too, which are whole only while a block's backward runs.
public struct ZeRO2: ZeRO {
    public static let level = ArenaSharding.Level.gradients
    public let config: ZeROConfig
    public init(_ config: ZeROConfig) { self.config = config }
}

/// Stage 3: the weights that layers read too, which are whole only while a block runs.
public struct ZeRO3: ZeRO {
    public static let level = ArenaSharding.Level.weights
    public let config: ZeROConfig
    public init(_ config: ZeROConfig) { self.config = config }
}

/// Registers `zero1`, `zero2` and `zero3`.
public struct ZeROPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws {
        try registrar.parallelism("zero1", ZeRO1.self)
        try registrar.parallelism("zero2", ZeRO2.self)
        try registrar.parallelism("zero3", ZeRO3.self)
    }
}
