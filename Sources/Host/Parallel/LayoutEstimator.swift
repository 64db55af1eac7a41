import Core
import JSON
import PluginAPI

/// Works out what layouts of one recipe take and cost.
final class LayoutEstimator {
    private let recipe: Recipe
    private let inputs: TrainingInputs
    private let precision: Precision
    private let rehearsal: LayoutRehearsal
    private let specs: [ParameterSpec]
    private let flopsPerByte: Double
    /// Of all ranks.
    private let stepFlops: Double
    private let residentBytes: Int
    private var timelines: [TimelineKey: PipelineTimeline] = [:]

    private struct TimelineKey: Hashable {
        let section: JSONValue?
        let microBatchCount: Int
    }

    private var configuration: DecoderConfiguration { inputs.source.configuration }

    /// - Parameter flopsPerByte: FLOPs that a rank does while it sends one byte.
    init(_ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs, flopsPerByte: Double) throws {
        (self.recipe, self.inputs, self.flopsPerByte) = (recipe, inputs, flopsPerByte)
        precision = try Precision(recipe: recipe.model.precision)
        rehearsal = LayoutRehearsal(recipe, registry, inputs)
        specs = DecoderModel.specs(inputs.source.configuration)
        let parameters = specs.reduce(0) { $0 + $1.elementCount }
        stepFlops = inputs.source.configuration.flopsPerTrainedToken(parameters: parameters, sequence: recipe.sequence.length)
            * Double(recipe.batch.size * recipe.sequence.length)
        residentBytes = MachineMemory.residentByteCount
    }

    /// Why a layout cannot be trained.
    func problems(of layout: RunLayout) -> [InputProblem] { layout.problems(recipe, inputs) }

    /// When what happens in the pipeline of a layout, with backward twice as long as forward; nil without a pipeline.
    func timeline(of layout: RunLayout) throws -> PipelineTimeline? {
        try timeline(of: layout, plans(of: layout)[0].pipeline)
    }

    private func timeline(of layout: RunLayout, _ pipeline: PipelinePlan) throws -> PipelineTimeline? {
        guard layout.shape[.pipeline] > 1 else { return nil }
        let count = pipeline.roundedUp(layout.run(recipe, configuration).microBatchCount)
        let key = TimelineKey(section: layout.resolved[MeshAxis.pipeline.rawValue], microBatchCount: count)
        if let timeline = timelines[key] { return timeline }
        let timeline = try PipelineTimeline(pipeline.schedule(microBatches: count)) { kind in
            (kind == .backward ? 2 : 1) / Double(pipeline.chunkCount)
        }
        timelines[key] = timeline
        return timeline
    }

    /// What the ranks of one pipeline do, first to last; those beside them do as much.
    private func plans(of layout: RunLayout) -> [RankPlan] {
        layout.shape.members(along: [.pipeline], with: 0).map { layout.plan(.planned(layout.shape, rank: $0), configuration) }
    }

    /// - Throws: what the recipe's trainer throws for its first samples.
    func figures(of layout: RunLayout) throws -> LayoutFigures {
        let (plans, run) = (plans(of: layout), layout.run(recipe, configuration))
        let timeline = try timeline(of: layout, plans[0].pipeline)
        let microBatchCount = plans[0].pipeline.roundedUp(run.microBatchCount)
        let samples = run.sampleCount
        func counted(_ ranks: Int) throws -> LayoutRehearsal.Figures {
            try rehearsal.figures(tensorRanks: ranks, samples: samples, microBatch: run.microBatchSize)
        }
        let (figures, wholeFigures) = (try counted(layout.shape[.tensor]), try counted(1))
        // Ids and flags of the batch at hand and of two that are read ahead.
        let dataBytes = 3 * samples * run.sequenceLength * (MemoryLayout<Int32>.stride + MemoryLayout<Bool>.stride)
        let rankFlops = stepFlops / Double(layout.shape.rankCount)
        let ranks = plans.enumerated().map { rank, plan -> (memory: MemoryEstimate, sent: LayoutTraffic.Sent) in
            let holding = LayoutHolding(plan, specs, inputs.groups)
            let memory = LayoutMemory(
                plan: plan, holding: holding, precision: precision, figures: figures, wholeFigures: wholeFigures,
                peakAlive: timeline?.peakAlive[rank] ?? 1, processBytes: residentBytes + dataBytes,
                snapshotLimit: recipe.checkpoint.every > 0 ? RunCheckpoint.snapshotByteLimit : 0)
            let traffic = LayoutTraffic(
                plan: plan, holding: holding, run: run, precision: precision, checkpointing: recipe.checkpointing,
                microBatchCount: microBatchCount, stepFlops: rankFlops, flopsPerByte: flopsPerByte)
            return (memory.estimate, traffic.sent)
        }
        guard let fullest = ranks.map(\.memory).max(by: { $0.total < $1.total }),
            let busiest = ranks.map(\.sent).max(by: { $0.exposedTotal < $1.exposedTotal })
        else { preconditionFailure("layout: a pipeline without ranks") }
        // Empty micro-batches, and samples that only some ranks have, are waited for too.
        let padding = Double(microBatchCount) / Double(run.microBatchCount)
        let unevenness = Double(samples * run.sampleRankCount) / Double(run.batchSize)
        let waiting = (1 + (timeline?.bubble ?? 0)) * padding * unevenness - 1
        return LayoutFigures(
            layout: layout, microBatchCount: microBatchCount, memory: fullest, sent: busiest.bytes.mapValues { Int($0) },
            exposedBytes: Int(busiest.exposedTotal), waiting: waiting,
            waitingBytes: Int(waiting * rankFlops / flopsPerByte), computingBytes: Int(rankFlops / flopsPerByte))
    }
}
