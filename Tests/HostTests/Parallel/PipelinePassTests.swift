import Core
import Foundation
import ModelLlama
import PluginAPI
import Testing

/// What ranks of a pipeline do, in which order, as their operations show it.
@Suite struct PipelinePassTests {
    private static let vocabularySize = 61

    /// One layer a stage.
    private static func plan(
        _ ranks: Int, chunks: Int = 1, _ order: PipelineShape.Order = .loops,
        _ make: @escaping @Sendable (PipelineShape) -> PipelineSchedule
    ) -> PipelinePlan {
        PipelinePlan(layerCounts: [Int](repeating: 1, count: ranks * chunks), chunks: chunks, order: order, make)
    }

    private static let plans = [
        plan(3) { .gpipe($0) }, plan(3) { .oneForwardOneBackward($0) }, plan(3, chunks: 2) { .oneForwardOneBackward($0) },
        plan(3) { .zeroBubbleH1($0) }, plan(3, chunks: 2, .vee) { .zeroBubbleV($0) },
    ]

    private static func policy(_ mesh: Mesh, _ pipeline: PipelinePlan) throws -> PolicyModel {
        let runtime = mesh.runtime
        let json = """
            {"model_type": "llama", "vocab_size": \(vocabularySize), "hidden_size": 8, "intermediate_size": 24,
             "num_hidden_layers": \(pipeline.layerCounts.count), "num_attention_heads": 2, "num_key_value_heads": 2,
             "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "tie_word_embeddings": false}
            """
        let configuration = try LlamaFamily.decoder(from: ModelConfig(Data(json.utf8)))
        var plan = RankPlan(mesh, configuration)
        plan.pipeline = pipeline
        plan.dealOutLayers()
        let store = ParameterStore(
            DecoderModel.specs(configuration), runtime, precision: .float32, seed: 1, place: plan.place,
            sharding: { plan.sharding($0, isWhole: false) })
        let stages = plan.stages.map { DecoderModel(configuration, store, runtime, stage: $0) }
        return PolicyModel(stages: stages, store: store, runtime: runtime, plan: plan)
    }

    /// The kind of each action, from the products and the attention within its stretch of time.
    private static func kinds(_ profile: Profile) -> [PipelineAction.Kind?] {
        let phases = profile.events.filter { $0.work == nil && ["forward", "backward"].contains($0.name) }
        // Products of a layer forward, those of one input joined.
        var layer: Int?
        return phases.sorted { $0.startSeconds < $1.startSeconds }.map { phase in
            let time = phase.startSeconds...phase.startSeconds + phase.seconds
            let inner = profile.events.filter { $0.work != nil && time.contains($0.startSeconds) }
            let products = inner.count { event in
                guard event.name == "matmul", let inputs = event.work?.inputs else { return false }
                return !inputs.contains { $0.shape.contains(vocabularySize) }
            }
            let one = layer ?? products
            layer = one
            let comesByAttention = inner.contains { $0.name == "attention_backward" }
            return switch (phase.name, products, comesByAttention) {
            case ("forward", one, false): .forward
            case ("backward", 2 * one, true): .backward
            case ("backward", one, true): .backwardInput
            case ("backward", one, false): .backwardWeight
            default: nil
            }
        }
    }

    @Test(arguments: plans.indices)
    func `each rank does what its schedule says, in that order, and all have as much to do`(number: Int) throws {
        let (pipeline, microBatches) = (Self.plans[number], 6)
        let done = try Loopback.run(
            MeshShape([.pipeline: 3]), runtime: { Runtime(CPUBackend(threads: 1), recorder: OperationRecorder()) }
        ) { mesh -> [PipelineAction.Kind?] in
            let policy = try Self.policy(mesh, pipeline)
            let batches = (0..<microBatches).map { batch in
                MicroBatch(
                    sequences: [TokenSequence(ids: [1, 2, Int32(batch), 4], trained: [true, true, true, true])], weights: [:],
                    sampleIDs: [])
            }
            guard let recorder = mesh.runtime.recorder else { return [] }
            recorder.start()
            try policy.accumulateGradients(batches)
            return recorder.stop().map(Self.kinds) ?? []
        }
        let schedule = pipeline.schedule(microBatches: microBatches)
        let expected: [[PipelineAction.Kind?]] = schedule.actions.map { actions in actions.map(\.kind) }
        #expect(done == expected)
    }
}
