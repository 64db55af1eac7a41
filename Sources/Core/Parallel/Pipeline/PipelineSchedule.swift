// p ranks, m micro-batches, v chunks a rank

/// What each rank of a pipeline does, in which order: data, checked before anything runs.
public struct PipelineSchedule: Sendable, Hashable {
    public let shape: PipelineShape
    /// Each rank's actions in their order.
    public let actions: [[PipelineAction]]

    public init(_ shape: PipelineShape, _ actions: [[PipelineAction]]) {
        (self.shape, self.actions) = (shape, actions)
    }

    /// Micro-batches whose losses are there and whose backward has not begun, at most.
    public var scoredCount: Int {
        let last = shape.place(ofStage: shape.stageCount - 1)
        var (alive, peak) = (0, 0)
        for action in actions[last.rank] where action.chunk == last.chunk {
            switch action.kind {
            case .forward: alive += 1
            case .backward, .backwardInput: alive -= 1
            case .backwardWeight: break
            }
            peak = max(peak, alive)
        }
        return peak
    }

    /// All forwards, then all backwards (Huang et al., "GPipe", 2019, arXiv 1811.06965): m micro-batches alive,
    /// (p - 1) / m of the time is spent waiting.
    public static func gpipe(_ shape: PipelineShape) -> PipelineSchedule {
        PipelineSchedule(
            shape,
            (0..<shape.rankCount).map { _ in
                let forwards = (0..<shape.chunkCount).flatMap { chunk in
                    (0..<shape.microBatchCount).map { PipelineAction(.forward, microBatch: $0, chunk: chunk) }
                }
                let backwards = (0..<shape.chunkCount).reversed().flatMap { chunk in
                    (0..<shape.microBatchCount).map { PipelineAction(.backward, microBatch: $0, chunk: chunk) }
                }
                return forwards + backwards
            })
    }

    /// One forward, one backward, after as many forwards as there are ranks behind (Narayanan et al., "PipeDream", 2019,
    /// arXiv 1806.03377; flushed at the end of the step). With several chunks they take turns in groups of p
    /// micro-batches, and waiting shrinks to (p - 1) / (v m) (Narayanan et al., "Efficient large-scale language model
    /// training on GPU clusters", 2021, arXiv 2104.04473, section 2.2).
    ///
    /// Precondition: with several chunks, m is a multiple of p.
    public static func oneForwardOneBackward(_ shape: PipelineShape) -> PipelineSchedule {
        let (p, m, v) = (shape.rankCount, shape.microBatchCount, shape.chunkCount)
        precondition(v == 1 || m % p == 0, "pipeline: \(m) micro-batches are no multiple of \(p) ranks")
        let total = m * v
        func action(_ kind: PipelineAction.Kind, _ number: Int) -> PipelineAction {
            if v == 1 { return PipelineAction(kind, microBatch: number) }
            let chunk = number % (p * v) / p
            return PipelineAction(
                kind, microBatch: number / (p * v) * p + number % p, chunk: kind == .forward ? chunk : v - 1 - chunk)
        }
        return PipelineSchedule(
            shape,
            (0..<p).map { rank in
                let ahead = min(total, v == 1 ? p - rank - 1 : 2 * (p - rank - 1) + (v - 1) * p)
                let first = (0..<ahead).map { action(.forward, $0) }
                let middle = (ahead..<total).flatMap { [action(.forward, $0), action(.backward, $0 - ahead)] }
                return first + middle + (total - ahead..<total).map { action(.backward, $0) }
            })
    }
}
