extension Tokenizer {
    /// The token ids of many texts, in their order: for each what `encode(_:addSpecialTokens:)` returns.
    ///
    /// Every thread has a merge cache of its own; one text is never divided.
    /// - Parameter threads: how many threads take part, the caller's included; at least 1.
    public func encode(_ texts: [String], addSpecialTokens: Bool = true, threads: Int) -> [[Int32]] {
        texts.indices.concurrentMap(threads: threads) { encode(texts[$0], addSpecialTokens: addSpecialTokens) }
    }
}
