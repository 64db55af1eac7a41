/// A completion.
public struct GenerationResult: Sendable, Hashable {
    public enum FinishReason: String, Sendable, Hashable, Codable {
        /// A stop id was generated (it is the last of `ids`).
        case stop
        case length
    }

    /// The generated ids.
    public let ids: [Int32]
    /// log p of each generated id under the distribution that it was drawn from: after temperature, top-k and top-p. At
    /// temperature 0 nothing is drawn, and it is the model's own.
    public let logProbs: [Double]
    public let finishReason: FinishReason

    public init(ids: [Int32], logProbs: [Double], finishReason: FinishReason) {
        self.ids = ids
        self.logProbs = logProbs
        self.finishReason = finishReason
    }
}
