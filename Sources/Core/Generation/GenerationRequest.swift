/// A prompt and how it is to be continued.
public struct GenerationRequest: Sendable, Hashable {
    public var prompt: [Int32]
    public var maxNewTokens: Int
    public var sampling: Sampling
    /// Keys the random numbers together with `index`, so that the result does not depend on the rest of the batch.
    public var seed: UInt64
    /// The request's number, e.g. prompt * samples + sample.
    public var index: Int
    /// Ids that end a completion.
    public var stopIDs: Set<Int32>

    public init(
        prompt: [Int32], maxNewTokens: Int, sampling: Sampling = Sampling(), seed: UInt64 = 0, index: Int = 0,
        stopIDs: Set<Int32> = []
    ) {
        self.prompt = prompt
        self.maxNewTokens = maxNewTokens
        self.sampling = sampling
        self.seed = seed
        self.index = index
        self.stopIDs = stopIDs
    }
}

/// How the next token is chosen.
public struct Sampling: Sendable, Hashable {
    /// Logits are divided by it; 0 takes the most likely token.
    public var temperature: Double
    /// The k most likely tokens are kept; nil = all.
    public var topK: Int?
    /// The most likely tokens are kept until their probability reaches p (Holtzman et al. 2019, arXiv 1904.09751).
    public var topP: Double

    public init(temperature: Double = 0, topK: Int? = nil, topP: Double = 1) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
    }
}

/// A completion.
public struct GenerationResult: Sendable, Hashable {
    public enum FinishReason: String, Sendable, Hashable, Codable {
        /// A stop id was generated (it is the last of `ids`).
        case stop
        case length
    }

    /// The generated ids.
    public let ids: [Int32]
    /// log p of each generated id under the distribution that it was drawn from.
    public let logProbs: [Double]
    public let finishReason: FinishReason

    public init(ids: [Int32], logProbs: [Double], finishReason: FinishReason) {
        self.ids = ids
        self.logProbs = logProbs
        self.finishReason = finishReason
    }
}
