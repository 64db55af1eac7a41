internal import Dispatch
internal import Synchronization

extension Tokenizer {
    /// The token ids of many texts, in their order: for each what `encode(_:addSpecialTokens:)` returns.
    ///
    /// Threads take stretches of texts in turn, each with a merge cache of its own; one text is never divided.
    /// - Parameter threads: how many threads take part, the caller's included; at least 1.
    public func encode(_ texts: [String], addSpecialTokens: Bool = true, threads: Int) -> [[Int32]] {
        precondition(threads >= 1, "encode: \(threads) threads asked for, at least 1 is needed")
        let stretchCount = min(texts.count, threads * 16)
        if threads == 1 || stretchCount < 2 { return texts.map { encode($0, addSpecialTokens: addSpecialTokens) } }
        let next = Atomic<Int>(0)
        let finished = Mutex<[(number: Int, ids: [[Int32]])]>([])
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if number >= stretchCount { return }
                let range = texts.count * number / stretchCount..<texts.count * (number + 1) / stretchCount
                let ids = texts[range].map { encode($0, addSpecialTokens: addSpecialTokens) }
                finished.withLock { $0.append((number, ids)) }
            }
        }
        return finished.withLock { $0 }.sorted { $0.number < $1.number }.flatMap(\.ids)
    }
}
