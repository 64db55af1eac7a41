// p ranks, m micro-batches, v chunks a rank

extension PipelineSchedule {
    /// 1F1B with backward in two halves, so that gradients of weights fill the time spent waiting: rank r puts off those
    /// of r micro-batches (Qi et al., "Zero Bubble Pipeline Parallelism", 2023, arXiv 2401.10241, ZB-H1). As many
    /// micro-batches alive as with 1F1B, at most p, and (p - 1) / (3 m) of waiting when the three kinds take equally
    /// long.
    public static func zeroBubbleH1(_ shape: PipelineShape) -> PipelineSchedule {
        let (p, m) = (shape.rankCount, shape.microBatchCount)
        precondition(shape.chunkCount == 1, "pipeline: ZB-H1 has one chunk a rank")
        return PipelineSchedule(
            shape,
            (0..<p).map { rank in
                let ahead = min(m, p - rank - 1)
                var actions = (0..<ahead).map { PipelineAction(.forward, microBatch: $0) }
                for batch in 0..<m {
                    if batch + ahead < m { actions.append(PipelineAction(.forward, microBatch: batch + ahead)) }
                    actions.append(PipelineAction(.backwardInput, microBatch: batch))
                    if batch >= rank { actions.append(PipelineAction(.backwardWeight, microBatch: batch - rank)) }
                }
                return actions + (max(m - rank, 0)..<m).map { PipelineAction(.backwardWeight, microBatch: $0) }
            })
    }

    /// Two chunks a rank in a V, backward in two halves (Qi et al., "Pipeline Parallelism with Controllable Memory", 2024,
    /// arXiv 2405.15362, ZB-V): p micro-batches alive, and only the first way through the ranks is waited for when the
    /// three kinds take equally long.
    ///
    /// Found by going through time with F = I = W = 1: a rank does what others wait for first.
    public static func zeroBubbleV(_ shape: PipelineShape) -> PipelineSchedule {
        precondition(shape.order == .vee, "pipeline: ZB-V wants the stages of a V")
        var search = ZeroBubbleSearch(shape)
        return PipelineSchedule(shape, search.run())
    }
}

/// A list scheduler over time steps in which every rank does one action.
private struct ZeroBubbleSearch {
    private let shape: PipelineShape
    /// Chunks of micro-batches that may be alive on a rank: p micro-batches' worth.
    private let limit: Int
    /// The step after which a result exists: [stage][micro-batch].
    private var forwardDone: [[Int]]
    private var inputDone: [[Int]]
    private var nextForward: [Int]
    private var nextInput: [Int]
    private var nextWeight: [Int]
    private var actions: [[PipelineAction]]

    init(_ shape: PipelineShape) {
        self.shape = shape
        limit = shape.rankCount * shape.chunkCount
        let never = Array(repeating: Int.max, count: shape.microBatchCount)
        forwardDone = Array(repeating: never, count: shape.stageCount)
        inputDone = forwardDone
        nextForward = Array(repeating: 0, count: shape.stageCount)
        nextInput = nextForward
        nextWeight = nextForward
        actions = Array(repeating: [], count: shape.rankCount)
    }

    mutating func run() -> [[PipelineAction]] {
        let total = 3 * shape.microBatchCount * shape.chunkCount
        var time = 0
        while actions.contains(where: { $0.count < total }) {
            let chosen = (0..<shape.rankCount).map { choose(rank: $0, time) }
            for (rank, action) in chosen.enumerated() {
                if let action { carryOut(action, rank, time) }
            }
            time += 1
        }
        return actions
    }

    private func choose(rank: Int, _ time: Int) -> PipelineAction? {
        let stages = (0..<shape.chunkCount).map { (chunk: $0, stage: shape.stage(rank: rank, chunk: $0)) }
        // What is nearest to the end of its way first.
        for (chunk, stage) in stages where isReady(inputOf: stage, time) {
            return PipelineAction(.backwardInput, microBatch: nextInput[stage], chunk: chunk)
        }
        let alive = stages.reduce(0) { $0 + nextForward[$1.stage] - nextWeight[$1.stage] }
        for (chunk, stage) in stages.reversed() where alive < limit && isReady(forwardOf: stage, time) {
            // Room is left for what is on its way through the later chunks, else nothing could ever be freed.
            if alive + shape.chunkCount - 1 - chunk < limit {
                return PipelineAction(.forward, microBatch: nextForward[stage], chunk: chunk)
            }
        }
        for (chunk, stage) in stages.reversed() where nextWeight[stage] < nextInput[stage] {
            return PipelineAction(.backwardWeight, microBatch: nextWeight[stage], chunk: chunk)
        }
        return nil
    }

    private func isReady(forwardOf stage: Int, _ time: Int) -> Bool {
        let batch = nextForward[stage]
        return batch < shape.microBatchCount && (stage == 0 || forwardDone[stage - 1][batch] <= time)
    }

    private func isReady(inputOf stage: Int, _ time: Int) -> Bool {
        let batch = nextInput[stage]
        guard batch < nextForward[stage], forwardDone[stage][batch] <= time else { return false }
        return stage == shape.stageCount - 1 || inputDone[stage + 1][batch] <= time
    }

    private mutating func carryOut(_ action: PipelineAction, _ rank: Int, _ time: Int) {
        let stage = shape.stage(rank: rank, chunk: action.chunk)
        switch action.kind {
        case .forward:
            forwardDone[stage][action.microBatch] = time + 1
            nextForward[stage] += 1
        case .backwardInput:
            inputDone[stage][action.microBatch] = time + 1
            nextInput[stage] += 1
        case .backwardWeight: nextWeight[stage] += 1
        case .backward: preconditionFailure("zero bubble: whole backward")
        }
        actions[rank].append(action)
    }
}
