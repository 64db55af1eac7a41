/// When each action of a schedule happens, if every kind takes a known time and messages take none.
public struct PipelineTimeline: Sendable {
    /// One action on one rank.
    public struct Span: Sendable {
        public let rank: Int
        public let action: PipelineAction
        public let start: Double
        public let end: Double
    }

    public let schedule: PipelineSchedule
    public let spans: [Span]
    /// Micro-batches' chunks that are alive at once, at most, by rank.
    public let peakAlive: [Int]

    /// The time from the first start to the last end.
    public var duration: Double { spans.map(\.end).max() ?? 0 }

    /// The time that a rank waits over the time that it works, for the rank that waits longest.
    public var bubble: Double {
        let work = (0..<schedule.shape.rankCount).map { rank in
            spans.lazy.filter { $0.rank == rank }.reduce(0) { $0 + $1.end - $1.start }
        }
        return work.map { (duration - $0) / $0 }.max() ?? 0
    }

    /// - Parameter seconds: how long an action of a kind takes on one chunk.
    /// - Throws: `PipelineFault` for a schedule that misses or repeats an action, or in which ranks wait for each other.
    public init(_ schedule: PipelineSchedule, seconds: (PipelineAction.Kind) -> Double) throws {
        self.schedule = schedule
        try schedule.checkCompleteness()
        let shape = schedule.shape
        var next = [Int](repeating: 0, count: shape.rankCount)
        var free = [Double](repeating: 0, count: shape.rankCount)
        var done: [Event: Double] = [:]
        var spans: [Span] = []
        var moved = true
        while moved {
            moved = false
            for rank in 0..<shape.rankCount {
                while next[rank] < schedule.actions[rank].count {
                    let action = schedule.actions[rank][next[rank]]
                    let needs = Event.needed(by: action, rank, shape).map { done[$0] }
                    if needs.contains(where: { $0 == nil }) { break }
                    let start = needs.compactMap { $0 }.reduce(free[rank], max)
                    let end = start + seconds(action.kind)
                    done[Event(action, stage: shape.stage(rank: rank, chunk: action.chunk))] = end
                    spans.append(Span(rank: rank, action: action, start: start, end: end))
                    free[rank] = end
                    next[rank] += 1
                    moved = true
                }
            }
        }
        let stuck = (0..<shape.rankCount).filter { next[$0] < schedule.actions[$0].count }
        guard stuck.isEmpty else {
            throw PipelineFault(
                stuck.map { "rank \($0) waits at \(schedule.actions[$0][next[$0]]) for ever" }.joined(separator: ", "))
        }
        self.spans = spans
        peakAlive = schedule.actions.map { actions in
            var (alive, peak) = (0, 0)
            for action in actions {
                switch action.kind {
                case .forward: alive += 1
                case .backward, .backwardWeight: alive -= 1
                case .backwardInput: break
                }
                peak = max(peak, alive)
            }
            return peak
        }
    }
}

/// A result that other actions need.
private struct Event: Hashable {
    private let isForward: Bool
    private let stage: Int
    private let microBatch: Int
    private let kind: PipelineAction.Kind

    init(_ action: PipelineAction, stage: Int) {
        // A whole backward gives what its input half would.
        self.init(action.kind == .backward ? .backwardInput : action.kind, stage, action.microBatch)
    }

    private init(_ kind: PipelineAction.Kind, _ stage: Int, _ microBatch: Int) {
        (self.kind, self.stage, self.microBatch, isForward) = (kind, stage, microBatch, kind == .forward)
    }

    static func needed(by action: PipelineAction, _ rank: Int, _ shape: PipelineShape) -> [Event] {
        let stage = shape.stage(rank: rank, chunk: action.chunk)
        switch action.kind {
        case .forward: return stage == 0 ? [] : [Event(.forward, stage - 1, action.microBatch)]
        case .backward, .backwardInput:
            let own = Event(.forward, stage, action.microBatch)
            return stage == shape.stageCount - 1 ? [own] : [own, Event(.backwardInput, stage + 1, action.microBatch)]
        case .backwardWeight: return [Event(.backwardInput, stage, action.microBatch)]
        }
    }
}

/// A schedule that cannot be run.
public struct PipelineFault: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

extension PipelineSchedule {
    /// Every chunk's forward and backward of every micro-batch once, each backward after its forward.
    fileprivate func checkCompleteness() throws {
        for (rank, actions) in actions.enumerated() {
            var seen: Set<PipelineAction> = []
            for action in actions where !seen.insert(action).inserted {
                throw PipelineFault("rank \(rank) does \(action) twice")
            }
            for chunk in 0..<shape.chunkCount {
                for batch in 0..<shape.microBatchCount {
                    func has(_ kind: PipelineAction.Kind) -> Bool {
                        seen.contains(PipelineAction(kind, microBatch: batch, chunk: chunk))
                    }
                    let isWhole = has(.backward) != (has(.backwardInput) && has(.backwardWeight))
                    guard has(.forward), isWhole, !(has(.backward) && (has(.backwardInput) || has(.backwardWeight))) else {
                        throw PipelineFault(
                            "rank \(rank) lacks a forward or a backward of micro-batch \(batch), chunk \(chunk)")
                    }
                }
            }
            let expected = shape.chunkCount * shape.microBatchCount
            guard actions.count(where: { $0.kind == .forward }) == expected else {
                throw PipelineFault("rank \(rank) does forwards of micro-batches or chunks that do not exist")
            }
        }
    }
}
