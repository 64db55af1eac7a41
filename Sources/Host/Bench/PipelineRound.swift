import Core
import JSON
import PluginAPI
import Random

// p ranks, m micro-batches

/// One step of a small model through a pipeline, whose products take a time that is given.
///
/// Two layers a rank, so that it can have two stages. What is measured is the run of `PolicyModel.accumulateGradients`:
/// the layout's own schedule, messages and gradients, but for the time that products take.
struct PipelineRound {
    /// A size that no product of a layer has, so that the head's take no time: they are on one rank alone.
    static let vocabularySize = 61
    private static let tokenCount = 4

    private let policy: PolicyModel
    private let backend: PacedBackend
    private let schedule: PipelineSchedule
    private let batches: [MicroBatch]

    /// What all ranks did in one step.
    struct Figures: Sendable {
        /// From the first rank's start to the last one's end.
        let seconds: Double
        /// Of each rank: how much of that it waited for others.
        let waitedSeconds: [Double]
        /// Of each rank: FLOPs of its products.
        let flopCounts: [Double]
        /// What the schedule promises: `PipelineTimeline.bubble`.
        let promised: Double
        /// Micro-batches' chunks alive on the rank that has the most.
        let aliveCount: Int

        /// The time that a rank waited over the time that it worked, for the rank that waited longest.
        var waiting: Double { waitedSeconds.map { $0 / (seconds - $0) }.max() ?? 0 }

        /// The work of the rank that has the least over that of the one that has the most.
        var evenness: Double { (flopCounts.min() ?? 0) / (flopCounts.max() ?? 1) }
    }

    /// - Throws: `InputError` for a number of micro-batches that the schedule cannot take.
    init(_ layout: RunLayout, _ registry: Registry, microBatches: Int, _ mesh: Mesh, _ backend: PacedBackend) throws {
        let source = try ModelSource(config: PipelineRound.config(ranks: mesh.shape.rankCount), registry: registry)
        let plan = layout.plan(mesh, source.configuration)
        guard microBatches % plan.pipeline.microBatchMultiple == 0 else {
            throw InputError(
                "--micro-batches", "found \(microBatches), expected a multiple of \(plan.pipeline.microBatchMultiple) "
                    + "for an interleaved schedule")
        }
        policy = try source.build(mesh.runtime, precision: .float32, seed: 1, plan: plan) { _ in 0 }
        schedule = plan.pipeline.schedule(microBatches: microBatches)
        self.backend = backend
        let random = Philox(seed: 1, stream: "bench")
        let count = PipelineRound.tokenCount
        batches = (0..<microBatches).map { batch in
            let ids = (0..<count).map {
                Int32(random.integer(at: UInt64(batch * count + $0), below: UInt64(PipelineRound.vocabularySize)))
            }
            return MicroBatch(
                sequences: [TokenSequence(ids: ids, trained: [Bool](repeating: true, count: count))], weights: [:],
                sampleIDs: [])
        }
    }

    private static func config(ranks: Int) -> JSONValue {
        .object([
            .init("model_type", .string("llama")), .init("vocab_size", .integer(vocabularySize)),
            .init("hidden_size", .integer(8)), .init("intermediate_size", .integer(24)),
            .init("num_hidden_layers", .integer(2 * ranks)), .init("num_attention_heads", .integer(2)),
            .init("num_key_value_heads", .integer(2)), .init("tie_word_embeddings", .bool(false)),
            .init("max_position_embeddings", .integer(tokenCount)), .init("rms_norm_eps", .double(1e-5)),
        ])
    }

    /// One step after one that is not timed. All ranks must call it.
    /// - Parameter seconds: what a rank's forward of one micro-batch takes; each half of backward takes as long.
    func run(seconds: Double, _ mesh: Mesh) throws -> Figures {
        backend.secondsPerFLOP = 0
        let before = backend.flopCount
        try policy.accumulateGradients(batches)
        let flopCount = backend.flopCount - before
        backend.secondsPerFLOP = seconds * Double(3 * batches.count) / Double(flopCount)
        try mesh.world.barrier()
        let waited = mesh.link.waitedSeconds
        let elapsed = try Stopwatch.seconds {
            try policy.accumulateGradients(batches)
            try mesh.world.barrier()
        }
        let waits = try mesh.world.gather(mesh.link.waitedSeconds - waited)
        let timeline = try PipelineTimeline(schedule) { $0 == .backward ? 2 : 1 }
        return Figures(
            seconds: elapsed, waitedSeconds: waits, flopCounts: try mesh.world.gather(Double(flopCount)),
            promised: timeline.bubble, aliveCount: timeline.peakAlive.max() ?? 0)
    }
}
