/// Does a forward pass again as far as backward needs it.
///
/// Until `finishForward`, allocations receive the kept buffers and operations wait. After that each operation that
/// reads a waiting result first runs what leads to it, so results that nobody reads are never computed.
final class ReplayBackend: PassBackend {
    private let runtime: Runtime
    private let work: KeptWork
    private let kept: Set<ObjectIdentifier>
    private var waiting: [Step] = []
    private var isForward = true
    private var allocationCount = 0
    private var operationCount = 0

    /// An operation, or an exchange with other ranks.
    private struct Step {
        let name: String
        let operands: (inputs: [BufferView], outputs: [BufferView])
        let perform: (Runtime) -> Void
    }

    /// - Parameters:
    ///   - runtime: does the work.
    ///   - work: of the first run of the same pass.
    init(_ runtime: Runtime, _ work: KeptWork) {
        self.runtime = runtime
        self.work = work
        kept = Set(work.buffers.values.map { ObjectIdentifier($0) })
    }

    var capabilities: Capabilities { runtime.backend.capabilities }

    func allocate(byteCount: Int) -> Buffer {
        guard isForward else { return runtime.backend.allocate(byteCount: byteCount) }
        let number = allocationCount
        allocationCount += 1
        require(number < work.allocations.count && work.allocations[number] == byteCount)
        return work.buffers[number] ?? runtime.backend.allocate(byteCount: byteCount)
    }

    func copy(_ transfer: Transfer) {
        switch transfer {
        case .toDevice(_, let view):
            if isForward && isKept(view) { return }
            runWhatTouches(reads: [], writes: [view])
        case .toHost(let view, _): runWhatTouches(reads: [view], writes: [])
        }
        runtime.backend.copy(transfer)
    }

    func supports(_ operation: Operation) -> Bool { runtime.backend.supports(operation) }

    func run(_ operation: Operation) {
        take(Step(name: operation.name, operands: operation.operands) { $0.run(operation) })
    }

    func exchange(_ reads: [BufferView], _ writes: [BufferView], _ body: @escaping (Runtime) -> Void) {
        take(Step(name: KeptWork.exchange, operands: (reads, writes), perform: body))
    }

    private func take(_ step: Step) {
        guard isForward else {
            runWhatTouches(reads: step.operands.inputs, writes: step.operands.outputs)
            return step.perform(runtime)
        }
        require(operationCount < work.operations.count && work.operations[operationCount] == step.name)
        operationCount += 1
        if !step.operands.outputs.allSatisfy(isKept) { waiting.append(step) }
    }

    func synchronize() { runtime.backend.synchronize() }

    /// Says that what follows is backward.
    func finishForward() {
        require(allocationCount == work.allocations.count && operationCount == work.operations.count)
        isForward = false
    }

    /// Runs, in order, the waiting operations that lead to `reads` or use what is about to be overwritten.
    private func runWhatTouches(reads: [BufferView], writes: [BufferView]) {
        if waiting.isEmpty { return }
        var (needed, overwritten) = (identifiers(reads), identifiers(writes))
        var due: [Step] = []
        var later: [Step] = []
        for step in waiting.reversed() {
            let (reads, writes) = (identifiers(step.operands.inputs), identifiers(step.operands.outputs))
            if writes.isDisjoint(with: needed) && writes.isDisjoint(with: overwritten)
                && reads.isDisjoint(with: overwritten)
            {
                later.append(step)
            } else {
                due.append(step)
                needed.formUnion(reads)
                overwritten.formUnion(writes)
            }
        }
        waiting = later.reversed()
        for step in due.reversed() { step.perform(runtime) }
    }

    private func isKept(_ view: BufferView) -> Bool { kept.contains(ObjectIdentifier(view.buffer)) }

    private func identifiers(_ views: [BufferView]) -> Set<ObjectIdentifier> {
        Set(views.map { ObjectIdentifier($0.buffer) })
    }

    private func require(_ isSame: Bool) {
        precondition(isSame, "recompute: a body did other work the second time, so it is no function of its inputs")
    }
}
