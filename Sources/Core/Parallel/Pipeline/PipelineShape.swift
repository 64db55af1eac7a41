// p ranks, m micro-batches, v chunks a rank

/// How a model is cut into stages, and where they lie.
public struct PipelineShape: Sendable, Hashable {
    /// How a rank's second chunk lies towards its first.
    public enum Order: Sendable, Hashable {
        /// Rank r holds stages r, r + p, r + 2 p, ...
        case loops
        /// Rank r holds stages r and 2 p - 1 - r: the last stage is on the first rank, with the loss.
        case vee
    }

    /// p
    public let rankCount: Int
    /// m
    public let microBatchCount: Int
    /// v
    public let chunkCount: Int
    public let order: Order

    public init(ranks: Int, microBatches: Int, chunks: Int = 1, order: Order = .loops) {
        precondition(ranks > 0 && microBatches > 0 && chunks > 0, "pipeline: \(ranks) ranks, \(microBatches) micro-batches")
        precondition(order == .loops || chunks == 2, "pipeline: a V has 2 chunks a rank, not \(chunks)")
        (rankCount, microBatchCount, chunkCount, self.order) = (ranks, microBatches, chunks, order)
    }

    public var stageCount: Int { rankCount * chunkCount }

    /// The stage of a rank's chunk.
    public func stage(rank: Int, chunk: Int) -> Int {
        order == .vee && chunk == 1 ? 2 * rankCount - 1 - rank : chunk * rankCount + rank
    }

    /// Where a stage lies.
    public func place(ofStage stage: Int) -> (rank: Int, chunk: Int) {
        order == .vee && stage >= rankCount
            ? (2 * rankCount - 1 - stage, 1) : (stage % rankCount, stage / rankCount)
    }
}
