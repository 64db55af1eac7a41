package import Core
import PluginAPI

/// A recipe's `parallel:` section: how many ranks share the work along each axis, and how (Docs/parallel-plan.md).
package struct ParallelSettings: Sendable, Hashable {
    package var data = DataAxis()
    package var tensor = TensorAxis()
    package var pipeline = PipelineAxis()
    package var context = ContextAxis()
    package var expert = ExpertAxis()

    /// One rank.
    package init() {}

    /// Ranks along each axis.
    package var sizes: [MeshAxis: Int] {
        [
            .data: data.size, .tensor: tensor.size, .pipeline: pipeline.size, .context: context.size,
            .expert: expert.size,
        ]
    }

    package var shape: MeshShape { MeshShape(sizes) }

    package var rankCount: Int { sizes.values.reduce(1, *) }

    /// Ranks that train on samples of their own; tensor, pipeline and context ranks share theirs.
    package var sampleRankCount: Int { data.size * expert.size }

    /// `data:`
    package struct DataAxis: PluginConfig, Hashable {
        /// What ranks keep whole of what they train: Rajbhandari et al., "ZeRO", 2019, arXiv 1910.02054.
        package enum Strategy: String, Codable, Sendable, CaseIterable {
            case data, zero1, zero2, zero3
        }

        package var size = 1
        package var strategy = Strategy.data
        package var shard: Int?
        package var prefetch = 1
        package var reshard = true

        package static let template = DataAxis()
        package static let help = [
            "size": "ranks that train on other samples of the batch",
            "strategy": "data: each rank has everything | zero1: cut are masters and optimizer states | zero2: gradients "
                + "too | zero3: weights too",
            "shard": "ranks that share one copy of what is cut, a divisor of size; null = all",
            "prefetch": "zero3: blocks that are gathered ahead of their use",
            "reshard": "zero3: whether weights are given up between a block's forward and its backward",
        ]

        /// Ranks over which what the strategy cuts is cut.
        package var shardCount: Int { strategy == .data ? 1 : shard ?? size }
    }

    /// `tensor:`
    package struct TensorAxis: PluginConfig, Hashable {
        package var size = 1
        package var sequence = false

        package static let template = TensorAxis()
        package static let help = [
            "size": "ranks that share each matrix of a block",
            "sequence": "whether what lies between the matrices is cut along the sequence",
        ]
    }

    /// `pipeline:`
    package struct PipelineAxis: PluginConfig, Hashable {
        package enum Schedule: String, Codable, Sendable, CaseIterable {
            case gpipe
            case oneForwardOneBackward = "1f1b"
            case interleaved
            case zeroBubbleH1 = "zb-h1"
            case zeroBubbleV = "zb-v"

            /// Parts of the model on each rank where the recipe does not say.
            var standardChunkCount: Int { self == .interleaved || self == .zeroBubbleV ? 2 : 1 }
        }

        package var size = 1
        package var schedule = Schedule.oneForwardOneBackward
        package var chunks: Int?
        package var layers: [Int]?

        package static let template = PipelineAxis()
        package static let help = [
            "size": "ranks that hold other blocks of the model",
            "schedule": "gpipe | 1f1b | interleaved | zb-h1 | zb-v",
            "chunks": "parts of the model on each rank: 2 or more with interleaved, 2 with zb-v, else 1",
            "layers": "blocks of each stage, in the model's order; null = as even as can be",
        ]

        package var chunkCount: Int { chunks ?? schedule.standardChunkCount }
        package var stageCount: Int { size * chunkCount }
    }

    /// `context:`
    package struct ContextAxis: PluginConfig, Hashable {
        package enum Strategy: String, Codable, Sendable, CaseIterable {
            /// Keys and values go round: Liu et al., "Ring Attention", 2023, arXiv 2310.01889.
            case ring
            /// Heads are exchanged for tokens: Jacobs et al., "DeepSpeed Ulysses", 2023, arXiv 2309.14509.
            case ulysses
        }

        package var size = 1
        package var strategy = Strategy.ring

        package static let template = ContextAxis()
        package static let help = ["size": "ranks that hold other tokens of each sequence", "strategy": "ring | ulysses"]
    }

    /// `expert:`
    package struct ExpertAxis: PluginConfig, Hashable {
        package var size = 1

        package static let template = ExpertAxis()
        package static let help = ["size": "ranks that hold other experts, and train on other samples"]
    }
}

extension ParallelSettings.PipelineAxis {
    /// Blocks of each stage.
    package func layerCounts(of layerCount: Int) -> [Int] {
        layers ?? PipelinePlan.even(layers: layerCount, stages: stageCount)
    }

    /// What each rank does when a rank has `microBatches` in a step.
    ///
    /// Precondition: with `interleaved`, a multiple of `size`.
    package func schedule(microBatches: Int) -> PipelineSchedule {
        let shape = PipelineShape(
            ranks: size, microBatches: microBatches, chunks: chunkCount, order: schedule == .zeroBubbleV ? .vee : .loops)
        return switch schedule {
        case .gpipe: .gpipe(shape)
        case .oneForwardOneBackward, .interleaved: .oneForwardOneBackward(shape)
        case .zeroBubbleH1: .zeroBubbleH1(shape)
        case .zeroBubbleV: .zeroBubbleV(shape)
        }
    }
}
