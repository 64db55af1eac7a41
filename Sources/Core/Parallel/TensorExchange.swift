// B batch, T tokens, C width, N scored positions, V vocabulary, R ranks

/// Layers whose weights are divided over the ranks of one axis (Shoeybi et al., "Megatron-LM", 2019, arXiv 1909.08053,
/// section 3): attention by heads, feed-forward layers by features, embedding and head by rows of the vocabulary.
///
/// Between layers all ranks may hold all tokens, or, in graphs that record, a part each (sequence parallelism:
/// Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models", 2022, arXiv 2205.05198, section
/// 4.2.2): as much is sent, and norms and residuals take 1 / R of memory and time.
public struct TensorExchange: LayerExchange {
    private let mesh: Mesh
    private let cutsTokens: Bool
    private var communicator: Communicator { mesh.along(.tensor) }

    /// - Parameters:
    ///   - mesh: has a tensor axis.
    ///   - cutsTokens: whether each rank holds a part of the tokens between layers, whose number is a multiple of R.
    public init(_ mesh: Mesh, cutsTokens: Bool = false) { (self.mesh, self.cutsTokens) = (mesh, cutsTokens) }

    /// What this rank holds of a parameter.
    /// - Returns: nil when it cannot be divided evenly.
    public func place(_ spec: ParameterSpec) -> ParameterPlace? {
        let (placement, length) = (spec.placement, spec.shape[spec.placement.dim])
        let (rank, count) = (communicator.rank, communicator.rankCount)
        guard let ranges = placement.ranges(of: length, rank: rank, of: count) else { return nil }
        var place = ParameterPlace(ParameterPart(ranges, dim: placement.dim, of: spec.shape))
        // What is whole sees the rank's part of the tokens, where these are cut.
        let isPartial = cutsTokens && placement.role == .replicated
        let sharers = communicator.neighbours(isPartial ? count : placement.sharerCount(of: length, over: count))
        if sharers.rankCount > 1 { place.sharers = [sharers] }
        place.isCounted = placement.role == .replicated ? rank == 0 : sharers.rank == 0
        // On all ranks alike, also on one that happens to have all of a small vocabulary.
        if ![.replicated, .partial].contains(placement.role) { place.peers = (communicator, speaks: sharers.rank == 0) }
        return place
    }

    public func enter(_ graph: Graph, _ x: Tensor) -> Tensor {
        isCut(graph) ? graph.gathered(x, dim: 1, over: communicator) : graph.shared(x, over: communicator)
    }

    public func leave(_ graph: Graph, _ y: Tensor) -> Tensor {
        isCut(graph) ? graph.scattered(y, dim: 1, over: communicator) : graph.summed(y, over: communicator)
    }

    public func once(_ graph: Graph, _ x: Tensor) -> Tensor { graph.scalingGradient(x, by: 1 / Double(communicator.rankCount)) }

    public func project(_ layer: Linear, _ graph: Graph, _ x: Tensor) -> Tensor {
        let sum = leave(graph, graph.linear(x, layer.weight, isTransposed: layer.isTransposed))
        // Once, and after the parts have been added up.
        return layer.bias.map { graph.bias(sum, $0) } ?? sum
    }

    public func add(_ layer: Linear, _ graph: Graph, _ x: Tensor, to residual: Tensor) {
        let runtime = graph.runtime
        let sum = project(layer, graph, x).view
        runtime.run(
            .map(
                .addition, inputs: [residual.view, sum.reshaped(to: residual.shape)], outputs: [residual.view],
                scalars: []))
    }

    public func embed(_ graph: Graph, _ batch: TokenBatch, _ tokens: Embedding, positions: Embedding?) -> Tensor {
        // Ranks that do not hold a token's row add nothing.
        let x = leave(graph, graph.embedding(batch.ids, tokens.weight, rows: vocabulary(tokens.count)))
        guard let positions else { return x }
        let first = isCut(graph) ? communicator.rank * x.shape[1] : 0
        let own = batch.positions.view.sliced(dim: 1, first..<first + x.shape[1])
        return graph.add(x, positions(graph, Tensor(own, graph.runtime).contiguous()))
    }

    /// Evaluation and generation keep nothing, and any number of tokens there is.
    private func isCut(_ graph: Graph) -> Bool { cutsTokens && graph.isRecording }

    public func vocabulary(_ count: Int) -> Range<Int> {
        Placement.vocabulary.ranges(of: count, rank: communicator.rank, of: communicator.rankCount)?.first ?? 0..<count
    }

    public func merged(_ sums: Tensor) -> Tensor {
        let runtime = sums.runtime
        let all = runtime.empty([communicator.rankCount] + sums.shape, sums.dtype)
        communicator.run(.allGather(sums, into: all))
        let merged = runtime.empty(sums.shape, sums.dtype)
        let parts = (0..<communicator.rankCount).flatMap { rank in
            LogitSums.views(of: all.view.sliced(dim: 0, rank..<rank + 1).reshaped(to: sums.shape))
        }
        runtime.run(
            .map(
                LogitSums.merging(communicator.rankCount), inputs: parts, outputs: LogitSums.views(of: merged.view),
                scalars: []))
        return merged
    }
}
