/// What a request became.
public struct GenerationResult: Sendable, Hashable, Codable {
    public enum FinishReason: String, Sendable, Hashable, Codable {
        /// A stop token was drawn, or the text reached a stop string; the token that did it is the last of `ids`.
        case stop
        /// As many tokens as were asked for.
        case length
    }

    /// The new tokens.
    public var ids: [Int32]
    /// The log-probability of each new token under the distribution it was drawn from: after the repetition penalty,
    /// temperature, top-k, top-p and min-p. At temperature 0 nothing is drawn, and it is the model's own log-probability
    /// (after the penalty).
    public var logProbs: [Double]
    public var finishReason: FinishReason
    /// The text before the stop string that ended generation; nil when none did.
    public var stoppedText: String?

    /// - Precondition: as many log-probabilities as tokens.
    public init(ids: [Int32], logProbs: [Double], finishReason: FinishReason, stoppedText: String? = nil) {
        precondition(ids.count == logProbs.count, "generation: \(ids.count) ids but \(logProbs.count) log-probabilities")
        self.ids = ids
        self.logProbs = logProbs
        self.finishReason = finishReason
        self.stoppedText = stoppedText
    }
}
