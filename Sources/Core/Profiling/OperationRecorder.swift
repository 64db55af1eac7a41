/// Records what a runtime does, from `start` to `stop`; a runtime that has none pays nothing.
///
/// Each operation is waited for, so that its time is its own also on a backend whose calls return early. Like the runtime,
/// a recorder belongs to one rank's thread of control.
public final class OperationRecorder {
    /// Whether something is being recorded.
    public var isRecording: Bool { origin != nil }
    private var origin: ContinuousClock.Instant?
    private var events: [Profile.Event] = []
    private var memory: [Profile.MemorySample] = []
    /// For each open event the time that inner ones took.
    private var innerSeconds: [Double] = []

    public init() {}

    /// Forgets what was recorded and begins anew.
    public func start() {
        (events, memory, innerSeconds) = ([], [], [])
        origin = .now
    }

    /// Ends the recording.
    /// - Returns: what happened since `start`; nil when nothing was being recorded.
    public func stop() -> Profile? {
        guard let now = elapsed else { return nil }
        origin = nil
        defer { (events, memory) = ([], []) }
        return Profile(events: events, memory: memory, seconds: now)
    }

    /// Runs `body` as an event; `work` is asked for afterwards.
    func record<Result>(
        _ name: String, on backend: any Backend, work: () -> Profile.Work?, _ body: () throws -> Result
    ) rethrows -> Result {
        guard isRecording else { return try body() }
        noteMemory(backend)
        innerSeconds.append(0)
        let start = elapsed
        defer {
            backend.synchronize()
            let inner = innerSeconds.popLast() ?? 0
            // What began before `start` or is cut by `stop` is left out.
            if let start, let end = elapsed, start <= end {
                events.append(
                    Profile.Event(
                        name: name, startSeconds: start, seconds: end - start, ownSeconds: end - start - inner,
                        work: work()))
                if !innerSeconds.isEmpty { innerSeconds[innerSeconds.count - 1] += end - start }
                noteMemory(backend)
            }
        }
        return try body()
    }

    private var elapsed: Double? { origin.map { (ContinuousClock.now - $0) / .seconds(1) } }

    private func noteMemory(_ backend: any Backend) {
        let used = backend.capabilities.usedByteCount
        guard let elapsed, memory.last?.byteCount != used else { return }
        memory.append(Profile.MemorySample(atSeconds: elapsed, byteCount: used))
    }
}

extension Profile.Work {
    init(_ operation: Operation) {
        let (inputs, outputs) = operation.operands
        self.init(
            inputs: inputs.map(Profile.Operand.init), outputs: outputs.map(Profile.Operand.init),
            byteCount: operation.byteCount, flopCount: operation.flopCount)
    }
}
