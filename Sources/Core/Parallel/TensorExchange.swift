// B batch, T tokens, C width, N scored positions, V vocabulary, R ranks

/// Layers whose weights are divided over the ranks of one axis (Shoeybi et al., "Megatron-LM", 2019, arXiv 1909.08053,
/// section 3): attention by heads, feed-forward layers by features, embedding and head by rows of the vocabulary.
public struct TensorExchange: LayerExchange {
    private let mesh: Mesh
    private var communicator: Communicator { mesh.along(.tensor) }

    public init(_ mesh: Mesh) { self.mesh = mesh }

    /// What this rank holds of a parameter.
    /// - Returns: nil when it cannot be divided evenly.
    public func place(_ spec: ParameterSpec) -> ParameterPlace? {
        let (placement, length) = (spec.placement, spec.shape[spec.placement.dim])
        let (rank, count) = (communicator.rank, communicator.rankCount)
        guard let ranges = placement.ranges(of: length, rank: rank, of: count) else { return nil }
        var place = ParameterPlace(ParameterPart(ranges, dim: placement.dim, of: spec.shape))
        let sharers = communicator.neighbours(placement.sharerCount(of: length, over: count))
        if sharers.rankCount > 1 { place.sharers = [sharers] }
        place.isCounted = placement.role == .replicated ? rank == 0 : sharers.rank == 0
        return place
    }

    public func enter(_ graph: Graph, _ x: Tensor) -> Tensor { graph.shared(x, over: communicator) }

    public func project(_ layer: Linear, _ graph: Graph, _ x: Tensor) -> Tensor {
        let sum = graph.summed(graph.linear(x, layer.weight, isTransposed: layer.isTransposed), over: communicator)
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

    public func embed(_ graph: Graph, _ indices: Tensor, _ embedding: Embedding) -> Tensor {
        // Ranks that do not hold a token's row add nothing.
        let part = graph.embedding(indices, embedding.weight, rows: vocabulary(embedding.count))
        return graph.summed(part, over: communicator)
    }

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
