// p ranks, v chunks a rank, L layers

public import Core
public import PluginAPI

/// The ranks of the pipeline axis hold layers each, and micro-batches pass through them.
public struct PipelineParallel: ParallelStrategy {
    public static let axis = MeshAxis.pipeline

    /// In which order a rank works on micro-batches.
    public enum Schedule: String, Codable, Sendable, CaseIterable {
        case gpipe
        case oneForwardOneBackward = "1f1b"
        case interleaved
        case zeroBubbleH1 = "zb-h1"
        case zeroBubbleV = "zb-v"
    }

    /// What the recipe's `parallel.pipeline:` may say beside size and strategy.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var schedule = Schedule.oneForwardOneBackward
        public var chunks: Int?
        public var layers: [Int]?

        public static let template = Config()
        public static let help = [
            "schedule": "gpipe | 1f1b | interleaved | zb-h1 | zb-v",
            "chunks": "stages of a rank; null = 2 for interleaved and zb-v, else 1",
            "layers": "layers of each stage, first to last; null = as even as possible",
        ]
    }

    public static let variants = Schedule.allCases.map { schedule in
        var config = Config()
        config.schedule = schedule
        return config
    }

    private let config: Config

    public init(_ config: Config) { self.config = config }

    private var chunks: Int {
        config.chunks ?? (config.schedule == .interleaved || config.schedule == .zeroBubbleV ? 2 : 1)
    }

    private func counts(_ ranks: Int, _ layers: Int) -> [Int] {
        config.layers ?? PipelinePlan.even(layers: layers, stages: ranks * chunks)
    }

    public func problems(_ run: DividedRun) -> [InputProblem] {
        let (ranks, layers) = (run.mesh[.pipeline], run.configuration.layers.count)
        let stages = ranks * chunks
        var problems: [InputProblem] = []
        func add(_ key: String, _ text: String, _ fix: String) {
            problems.append(InputProblem("parallel.pipeline." + key, text, fix: fix))
        }
        switch config.schedule {
        case .interleaved where chunks < 2:
            add("chunks", "is \(chunks), and an interleaved schedule needs 2 or more", "parallel.pipeline.chunks=2")
        case .zeroBubbleV where chunks != 2:
            add("chunks", "is \(chunks), and a zb-v schedule has 2", "parallel.pipeline.chunks=2")
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1:
            if chunks != 1 {
                add("chunks", "is \(chunks), and \(config.schedule.rawValue) has 1", "parallel.pipeline.schedule=interleaved")
            }
        default: break
        }
        if let given = config.layers {
            if given.count != stages || given.reduce(0, +) != layers || given.contains(where: { $0 < 1 }) {
                add(
                    "layers", "found \(given) (\(given.reduce(0, +)) layers in \(given.count) stages), expected \(layers) "
                        + "layers in \(stages) stages of at least one",
                    "parallel.pipeline.layers=\(PipelinePlan.even(layers: layers, stages: stages))")
            }
        } else if stages > layers {
            let chosen = chunks == 1 ? "\(ranks) ranks" : "\(stages) stages (\(ranks) ranks x \(chunks) chunks)"
            add("size", "\(chosen) for the \(layers) layers of the model", "parallel.pipeline.size=\(max(1, layers / chunks))")
        }
        return problems
    }

    public func refine(_ plan: inout RankPlan) {
        let configuration = plan.configuration
        let isInterleaved = config.schedule == .interleaved
        let schedule = config.schedule
        plan.pipeline = PipelinePlan(
            layerCounts: counts(plan.mesh.shape[.pipeline], configuration.layers.count), chunks: chunks,
            order: schedule == .zeroBubbleV ? .vee : .loops,
            // Micro-batches of an interleaved schedule take turns in groups of p.
            microBatchMultiple: isInterleaved ? plan.mesh.shape[.pipeline] : 1
        ) { shape in
            switch schedule {
            case .gpipe: .gpipe(shape)
            case .oneForwardOneBackward, .interleaved: .oneForwardOneBackward(shape)
            case .zeroBubbleH1: .zeroBubbleH1(shape)
            case .zeroBubbleV: .zeroBubbleV(shape)
            }
        }
        plan.dealOutLayers()
    }
}

/// Registers `pipeline`.
public struct PipelinePlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.parallelism("pipeline", PipelineParallel.self) }
}
