// B rows, T tokens of a row, C width, N scored positions

public import Core

/// A decoder with its parameters, or what one rank holds of them, which scores micro-batches.
public final class PolicyModel {
    /// The stages of the model that this rank has, in the order of their layers: all of it in one, without a pipeline.
    public let stages: [DecoderModel]
    public let store: ParameterStore
    public let runtime: Runtime
    /// How this rank takes part in the run.
    public let plan: RankPlan
    /// Moves gradients and weights between ranks.
    let arenas: ArenaExchange

    public init(stages: [DecoderModel], store: ParameterStore, runtime: Runtime, plan: RankPlan) {
        (self.stages, self.store, self.runtime, self.plan) = (stages, store, runtime, plan)
        arenas = ArenaExchange(store, plan)
        // A rank alone has nothing to do around its blocks.
        if plan.mesh.shape.rankCount > 1 { for stage in stages { stage.passes = arenas } }
    }

    /// A model on one rank.
    public convenience init(decoder: DecoderModel, store: ParameterStore, runtime: Runtime) {
        self.init(
            stages: [decoder], store: store, runtime: runtime, plan: RankPlan(.alone(runtime), decoder.configuration))
    }

    /// The first stage: the whole model, without a pipeline.
    public var decoder: DecoderModel { stages[0] }
    public var configuration: DecoderConfiguration { decoder.configuration }

    /// Brings together what layers read, after ranks have changed the masters that they own.
    /// - Throws: what other ranks' failures throw.
    public func gatherWeights() throws {
        arenas.gatherWeights()
        try plan.mesh.link.check()
    }

    /// Runs the model over a micro-batch and scores the positions that it wants scored; nil when there are none.
    ///
    /// Precondition: the rank has all layers.
    public func score(_ batch: MicroBatch, on graph: Graph, _ settings: ObjectiveSettings) -> TokenScores? {
        let layout = BatchLayout(batch.sequences).part(plan.tokens)
        guard !layout.sequenceIndex.isEmpty else { return nil }
        let routers = RouterRecord()
        let hidden = decoder.hidden(graph, layout.tokens(runtime), routers: routers)
        return score(decoder, hidden, routers, layout, batch, on: graph, settings)
    }

    /// Scores a micro-batch's positions. hidden [B, T, C].
    func score(
        _ stage: DecoderModel, _ hidden: Tensor, _ routers: RouterRecord, _ layout: BatchLayout, _ batch: MicroBatch,
        on graph: Graph, _ settings: ObjectiveSettings, aliveCount: Int = 1
    ) -> TokenScores {
        let flat = hidden.reshaped(to: [hidden.shape[0] * hidden.shape[1], hidden.shape[2]])
        let count = layout.targets.count
        let scored = graph.rows(flat, at: runtime.tensor(layout.scoredRows, [count]))
        var scores = stage.score(
            graph, scored, targets: runtime.tensor(layout.targets, [count]), temperature: batch.temperature,
            softcap: settings.softcap, aliveCount: aliveCount)
        // Objectives see whole sequences.
        let all = layout.sequenceIndex.count
        if let places = layout.scoredPlaces {
            scores = scores.assembled(
                graph, at: runtime.tensor(places, [count]), count: all, over: plan.mesh.along(.context))
        }
        return TokenScores(
            graph: graph, scores: scores, sequenceIndex: runtime.tensor(layout.sequenceIndex, [all]),
            sequenceCount: batch.sequences.count, settings: settings,
            layers: routerObjective(routers, on: graph, settings))
    }

    /// Log-probabilities [N] of the scored positions, outside any graph, on every rank of the pipeline.
    /// - Throws: what other ranks' failures throw.
    public func logProbs(_ batch: MicroBatch) throws -> [Double] {
        var values: [Double] = []
        var pass = StagePass(self, [batch], ObjectiveSettings())
        try pass.forward { scores, _ in values = scores.logProbs.doubles() }
        return try plan.fromLastStage(values)
    }
}
