/// Runs a forward pass and keeps the results that a strategy asks for.
///
/// A buffer can be kept when no operation that will run again reads it before its last write; in-place chains that
/// break this are left to be computed again.
final class KeepingBackend: PassBackend {
    let work = KeptWork()
    private let runtime: Runtime
    private let strategy: Recomputation
    private var numbers: [ObjectIdentifier: Allocation] = [:]
    /// The allocations that the readers of an allocation wrote.
    private var fed: [Int: Set<Int>] = [:]
    private var spoiled: Set<Int> = []

    private struct Allocation {
        let number: Int
        /// Tells a buffer from a later one at the same place.
        weak var buffer: Buffer?
    }

    /// - Parameters:
    ///   - runtime: does the work.
    ///   - strategy: what is kept.
    init(_ runtime: Runtime, _ strategy: Recomputation) {
        self.runtime = runtime
        self.strategy = strategy
    }

    var capabilities: Capabilities { runtime.backend.capabilities }

    func allocate(byteCount: Int) -> Buffer {
        let buffer = runtime.backend.allocate(byteCount: byteCount)
        numbers[ObjectIdentifier(buffer)] = Allocation(number: work.allocations.count, buffer: buffer)
        work.allocations.append(byteCount)
        return buffer
    }

    func copy(_ transfer: Transfer) { runtime.backend.copy(transfer) }

    func supports(_ operation: Operation) -> Bool { runtime.backend.supports(operation) }

    func run(_ operation: Operation) {
        runtime.run(operation)
        note(operation.name, operation.operands, isKept: strategy.keeps(operation))
    }

    func exchange(_ reads: [BufferView], _ writes: [BufferView], _ body: @escaping (Runtime) -> Void) {
        body(runtime)
        note(KeptWork.exchange, (reads, writes), isKept: strategy.keepsExchanges)
    }

    private func note(_ name: String, _ operands: (inputs: [BufferView], outputs: [BufferView]), isKept: Bool) {
        work.operations.append(name)
        let (inputs, outputs) = operands
        let written = Set(outputs.compactMap { number($0.buffer) })
        // An operation that changes its only result in place will not run again when that is kept.
        let read = Set(inputs.compactMap { number($0.buffer) }).subtracting(written.count == 1 ? written : [])
        for number in read { fed[number, default: []].formUnion(written) }
        for view in outputs {
            guard let number = number(view.buffer) else { continue }
            if fed[number] != nil { spoiled.insert(number) }
            if isKept { work.buffers[number] = view.buffer }
        }
    }

    func synchronize() { runtime.backend.synchronize() }

    /// Gives up what need not or cannot be kept.
    /// - Parameter outputs: what the pass returned. Its last operations make nothing else, and backward seldom reads
    ///   what only they read.
    func finish(_ outputs: [Tensor]) {
        let returned = Set(outputs.compactMap { number($0.view.buffer) })
        for number in work.buffers.keys {
            let isLast = returned.contains(number) || (fed[number]?.isSubset(of: returned) ?? false)
            if isLast || spoiled.contains(number) { work.buffers[number] = nil }
        }
    }

    private func number(_ buffer: Buffer) -> Int? {
        guard let allocation = numbers[ObjectIdentifier(buffer)], allocation.buffer === buffer else { return nil }
        return allocation.number
    }
}
