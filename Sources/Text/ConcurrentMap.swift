internal import Dispatch
internal import Synchronization

extension Range<Int> {
    /// What `body` returns for each index, in order; threads take stretches of indices in turn.
    /// - Parameter threads: how many threads take part, the caller's included; at least 1.
    package func concurrentMap<Value: Sendable>(threads: Int, _ body: @Sendable (Int) -> Value) -> [Value] {
        precondition(threads >= 1, "concurrent map: \(threads) threads asked for, at least 1 is needed")
        let stretchCount = Swift.min(count, threads * 16)
        if threads == 1 || stretchCount < 2 { return map(body) }
        let next = Atomic<Int>(0)
        let finished = Mutex<[(number: Int, values: [Value])]>([])
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if number >= stretchCount { return }
                let first = lowerBound + count * number / stretchCount
                let values = (first..<lowerBound + count * (number + 1) / stretchCount).map(body)
                finished.withLock { $0.append((number, values)) }
            }
        }
        return finished.withLock { $0 }.sorted { $0.number < $1.number }.flatMap(\.values)
    }
}
