// B rows, T tokens of a row, C width, N scored positions

public import Core

/// A decoder with its parameters, which scores micro-batches.
public final class PolicyModel {
    public let decoder: DecoderModel
    public let store: ParameterStore
    public let runtime: Runtime

    public init(decoder: DecoderModel, store: ParameterStore, runtime: Runtime) {
        self.decoder = decoder
        self.store = store
        self.runtime = runtime
    }

    /// Runs the model over a micro-batch and scores the positions that it wants scored; nil when there are none.
    public func score(_ batch: MicroBatch, on graph: Graph, _ settings: ObjectiveSettings) -> TokenScores? {
        let layout = BatchLayout(batch.sequences)
        guard !layout.targets.isEmpty else { return nil }
        let shape = [layout.rowCount, layout.rowLength]
        let tokens = TokenBatch(
            ids: runtime.tensor(layout.ids, shape), positions: runtime.tensor(layout.positions, shape),
            documentStart: layout.documentStarts.map { runtime.tensor($0, shape) })
        let hidden = decoder.hidden(graph, tokens)
        let flat = hidden.reshaped(to: [layout.ids.count, hidden.shape[2]])
        let count = layout.targets.count
        let scored = graph.rows(flat, at: runtime.tensor(layout.scoredRows, [count]))
        let scores = graph.score(
            scored, head: decoder.head, targets: runtime.tensor(layout.targets, [count]),
            temperature: batch.temperature, softcap: settings.softcap,
            keptBytes: decoder.checkpointing == .none ? Graph.keptScoreBytes : 0)
        return TokenScores(
            graph: graph, scores: scores, sequenceIndex: runtime.tensor(layout.sequenceIndex, [count]),
            sequenceCount: batch.sequences.count, settings: settings)
    }

    /// Log-probabilities [N] of the scored positions, outside any graph.
    public func logProbs(_ batch: MicroBatch) -> [Double] {
        let graph = Graph(runtime, recording: false)
        return score(batch, on: graph, ObjectiveSettings())?.logProbs.doubles() ?? []
    }
}
