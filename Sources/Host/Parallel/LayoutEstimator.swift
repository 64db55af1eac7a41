import Core
import JSON
import PluginAPI

/// Works out what layouts of one recipe take and cost.
final class LayoutEstimator {
    let work: ParallelSettings.Work
    private let recipe: Recipe
    private let inputs: TrainingInputs
    private let precision: Precision
    private let rehearsal: LayoutRehearsal
    private let flopsPerByte: Double
    private let stepFlops: Double
    private let residentBytes: Int
    private var timelines: [TimelineKey: PipelineTimeline] = [:]

    private struct TimelineKey: Hashable {
        let pipeline: ParallelSettings.PipelineAxis
        let microBatchCount: Int
    }

    /// - Parameter flopsPerByte: FLOPs that a rank does while it sends one byte.
    init(_ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs, flopsPerByte: Double) throws {
        (self.recipe, self.inputs, self.flopsPerByte) = (recipe, inputs, flopsPerByte)
        precision = try Precision(recipe: recipe.model.precision)
        rehearsal = LayoutRehearsal(recipe, registry, inputs)
        let configuration = inputs.source.configuration
        var work = ParallelSettings.Work(
            configuration, expertCount: inputs.source.config.expertCount, batchSize: recipe.batch.size,
            microBatchSize: recipe.batch.micro ?? recipe.batch.size, sequenceLength: recipe.sequence.length)
        work.expertsPerToken = inputs.source.config.values["num_experts_per_tok"]?.integer ?? 1
        self.work = work
        let parameters = DecoderModel.specs(configuration).reduce(0) { $0 + $1.elementCount }
        stepFlops = configuration.flopsPerTrainedToken(parameters: parameters, sequence: recipe.sequence.length)
            * Double(recipe.batch.size * recipe.sequence.length)
        residentBytes = MachineMemory.residentByteCount
    }

    /// Why a layout cannot be trained, or would leave ranks without work.
    func problems(of layout: ParallelSettings) -> [InputProblem] {
        let problems = layout.problems(for: work)
        guard problems.isEmpty, work.batchSize % layout.sampleRankCount != 0 else { return problems }
        return [
            InputProblem(
                "batch.size", "\(work.batchSize) samples cannot be dealt evenly to \(layout.sampleRankCount) ranks")
        ]
    }

    /// When what happens in the pipeline of a layout, with backward twice as long as forward; nil without a pipeline.
    func timeline(of layout: ParallelSettings) throws -> PipelineTimeline? {
        let axis = layout.pipeline
        guard axis.size > 1 else { return nil }
        let key = TimelineKey(pipeline: axis, microBatchCount: layout.microBatchCount(of: work))
        if let timeline = timelines[key] { return timeline }
        let timeline = try PipelineTimeline(axis.schedule(microBatches: key.microBatchCount)) { kind in
            (kind == .backward ? 2 : 1) / Double(axis.chunkCount)
        }
        timelines[key] = timeline
        return timeline
    }

    /// - Throws: what the recipe's trainer throws for its first samples.
    func figures(of layout: ParallelSettings) throws -> LayoutFigures {
        let timeline = try timeline(of: layout)
        let samples = layout.sampleCount(of: work)
        func counted(_ ranks: Int) throws -> LayoutRehearsal.Figures {
            try rehearsal.figures(tensorRanks: ranks, samples: samples, microBatch: work.microBatchSize)
        }
        let groups = inputs.groups
        let memory = LayoutMemory(
            settings: layout, work: work, precision: precision, figures: try counted(layout.tensor.size),
            wholeFigures: try counted(1), peakAlive: timeline?.peakAlive ?? [1],
            isTrained: { groups.number(of: $0) != nil },
            // Ids and flags of the batch at hand and of two that are read ahead.
            processBytes: residentBytes
                + 3 * samples * work.sequenceLength * (MemoryLayout<Int32>.stride + MemoryLayout<Bool>.stride),
            snapshotLimit: recipe.checkpoint.every > 0 ? RunCheckpoint.snapshotByteLimit : 0)
        let holdings = memory.holdings
        let traffic = LayoutTraffic(
            settings: layout, work: work, precision: precision, checkpointing: recipe.checkpointing,
            microBatchCount: layout.microBatchCount(of: work), stepFlops: stepFlops / Double(layout.rankCount),
            flopsPerByte: flopsPerByte)
        let estimates = holdings.enumerated().map { memory.estimate(of: $1, rank: $0) }
        let sent = holdings.enumerated().map { traffic.sent(by: $1, rank: $0) }
        guard let fullest = estimates.max(by: { $0.total < $1.total }),
            let busiest = sent.max(by: { $0.exposedTotal < $1.exposedTotal })
        else { preconditionFailure("layout: a pipeline without ranks") }
        let bubble = timeline?.bubble ?? 0
        return LayoutFigures(
            settings: layout, microBatchCount: traffic.microBatchCount, memory: fullest,
            sent: busiest.bytes.mapValues { Int($0) }, exposedBytes: Int(busiest.exposedTotal), bubble: bubble,
            waitingBytes: Int(bubble * traffic.stepFlops / flopsPerByte),
            computingBytes: Int(traffic.stepFlops / flopsPerByte))
    }
}

extension ModelConfig {
    /// Experts of a block; nil = the model has none.
    var expertCount: Int? { values["num_local_experts"]?.integer ?? values["num_experts"]?.integer }
}
