/// A prompt to be continued.
public struct GenerationRequest: Sendable, Hashable {
    public var prompt: [Int32]
    /// The most tokens to add.
    public var maximumNewTokens: Int
    /// Logits are divided by it before anything else; 0 = the likeliest token each time.
    public var temperature: Double
    /// Only so many likeliest tokens are drawn from; nil = all.
    public var topK: Int?
    /// Only the likeliest tokens that together reach this probability are drawn from; nil = all.
    public var topP: Double?
    /// Tokens after which generation ends, e.g. the end-of-sequence token.
    public var stopIDs: Set<Int32>
    /// Whether stop tokens are ordinary tokens, so that exactly `maximumNewTokens` are generated.
    public var ignoresStop: Bool
    public var seed: UInt64
    /// Tells requests of one seed apart, e.g. samples of one prompt. Random numbers depend on (seed, index, position)
    /// only, never on what else is generated at the same time.
    public var index: UInt64

    public init(
        prompt: [Int32], maximumNewTokens: Int, temperature: Double = 1, topK: Int? = nil, topP: Double? = nil,
        stopIDs: Set<Int32> = [], ignoresStop: Bool = false, seed: UInt64, index: UInt64 = 0
    ) {
        self.prompt = prompt
        self.maximumNewTokens = maximumNewTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.stopIDs = stopIDs
        self.ignoresStop = ignoresStop
        self.seed = seed
        self.index = index
    }

    /// What is wrong with the request for a model of this configuration; empty when nothing is.
    func problems(for configuration: DecoderConfiguration) -> [String] {
        var problems: [String] = []
        let last = configuration.vocabularySize - 1
        if prompt.isEmpty { problems.append("the prompt is empty, expected at least one token") }
        if let id = prompt.first(where: { $0 < 0 || $0 > last }) {
            problems.append("the prompt has token \(id), the model has tokens 0...\(last)")
        }
        if maximumNewTokens < 1 { problems.append("maximumNewTokens is \(maximumNewTokens), expected at least 1") }
        if prompt.count + maximumNewTokens > configuration.positionCount {
            problems.append(
                "\(prompt.count) prompt tokens and \(maximumNewTokens) new ones exceed the model's "
                    + "\(configuration.positionCount) positions, ask for fewer new tokens or shorten the prompt")
        }
        if !(temperature >= 0 && temperature.isFinite) {
            problems.append("temperature is \(temperature), expected 0 or more")
        }
        if let topK, topK < 1 { problems.append("top-k is \(topK), expected at least 1") }
        if let topP, !(topP > 0 && topP <= 1) {
            problems.append("top-p is \(topP), expected more than 0 and at most 1")
        }
        return problems
    }
}

/// What a request became.
public struct GenerationResult: Sendable, Hashable {
    public enum FinishReason: String, Sendable, Hashable, Codable {
        /// A stop token was drawn; it is the last of `ids`.
        case stop
        /// As many tokens as were asked for.
        case length
    }

    /// The new tokens.
    public var ids: [Int32]
    /// The log-probability of each new token under the distribution it was drawn from: after temperature, top-k and
    /// top-p. At temperature 0 nothing is drawn, and it is the model's own log-probability.
    public var logProbs: [Double]
    public var finishReason: FinishReason

    /// - Precondition: as many log-probabilities as tokens.
    public init(ids: [Int32], logProbs: [Double], finishReason: FinishReason) {
        precondition(ids.count == logProbs.count, "generation: \(ids.count) ids but \(logProbs.count) log-probabilities")
        self.ids = ids
        self.logProbs = logProbs
        self.finishReason = finishReason
    }
}

/// Requests that cannot be served.
public struct GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Each with the number of its request.
    public let problems: [String]

    public var description: String { "cannot generate: " + problems.joined(separator: "; ") }
}
