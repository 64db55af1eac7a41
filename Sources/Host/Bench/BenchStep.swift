import Core
import PluginAPI
import Random

/// A training step on random tokens: forward, backward, clipping and AdamW, as the standard loop does them.
struct BenchStep {
    private let policy: PolicyModel
    private let update: WeightUpdate
    private let data: MicroBatch
    /// Counted before any of it was taken.
    let memory: MemoryEstimate

    init(
        _ model: BenchModel, _ checkpointing: DecoderModel.Checkpointing, batch: Int, sequence: Int
    ) throws {
        let (source, registry, precision) = (model.source, model.registry, model.precision)
        let provider = try registry.optimizer("adamw")
        let optimizer = try provider.make(provider.schema.template, "optimizer")
        let settings = OptimizerSettings(lr: 3e-4, weightDecay: 0.1, decay: .matrices, groups: [])
        let groups = try ParameterGroups(DecoderModel.specs(source.configuration), optimizer, settings, freeze: [])
        let random = Philox(seed: 1, stream: "bench")
        let vocabulary = UInt64(source.configuration.vocabularySize)
        let sequences = (0..<batch).map { row in
            TokenSequence(
                ids: (0..<sequence).map {
                    Int32(random.integer(at: UInt64(row * sequence + $0), below: vocabulary))
                }, trained: [Bool](repeating: true, count: sequence))
        }
        let data = MicroBatch(
            sequences: sequences, weights: ["cross_entropy": Double(batch * (sequence - 1))], sampleIDs: [])
        let counted = try CountedModel(
            source, precision: precision, checkpointing: checkpointing, optimizer: optimizer, groups: groups,
            states: .standard(for: precision))
        memory = try counted.estimate(process: MachineMemory.residentByteCount) {
            try BenchStep.run(counted.policy, counted.update, data)
        }
        policy = try source.build(model.runtime, precision: precision, seed: 1, checkpointing: checkpointing) {
            groups.number(of: $0)
        }
        update = WeightUpdate(optimizer, policy.store, groups)
        self.data = data
    }

    var parameterCount: Int { policy.store.specs.reduce(0) { $0 + $1.elementCount } }

    func run() throws { try BenchStep.run(policy, update, data) }

    private static func run(_ policy: PolicyModel, _ update: WeightUpdate, _ data: MicroBatch) throws {
        let runtime = policy.runtime
        let slope = 1 / (data.weights["cross_entropy"] ?? 1)
        policy.store.zeroGradients()
        let graph = Graph(runtime, recording: true)
        let objective = runtime.phase("forward") {
            policy.score(data, on: graph, ObjectiveSettings())?.crossEntropy(weight: "cross_entropy")
        }
        runtime.phase("backward") {
            _ = graph.backward(
                from: (objective?.terms ?? []).map {
                    ($0.sum, gradient: runtime.full($0.sum.shape, $0.sum.dtype, slope))
                })
        }
        let norm = try runtime.phase("gradient norm") { try policy.gradientNorm() }
        runtime.phase("optimizer") {
            update.apply(step: 1, lrFactor: 1, gradientScale: min(1, 1 / (norm + 1e-6)))
        }
    }
}
