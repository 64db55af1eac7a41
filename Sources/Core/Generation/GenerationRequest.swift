/// A prompt and how it is to be continued.
public struct GenerationRequest: Sendable, Hashable {
    public var prompt: [Int32]
    public var maxNewTokens: Int
    public var sampling: Sampling
    /// Keys the random numbers together with `index` and the token's position, so that the result does not depend on what
    /// else is generated.
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

    /// What is wrong with the request for a model of this configuration; empty when nothing is.
    func problems(for configuration: DecoderConfiguration) -> [String] {
        var problems: [String] = []
        let last = configuration.vocabularySize - 1
        if prompt.isEmpty { problems.append("the prompt is empty, expected at least one token") }
        if let id = prompt.first(where: { $0 < 0 || $0 > last }) {
            problems.append("the prompt has token \(id), the model has tokens 0...\(last)")
        }
        if maxNewTokens < 1 { problems.append("\(maxNewTokens) new tokens are asked for, expected at least 1") }
        if prompt.count + maxNewTokens > configuration.positionCount {
            problems.append(
                "\(prompt.count) prompt tokens and \(maxNewTokens) new ones exceed the model's "
                    + "\(configuration.positionCount) positions, ask for fewer new tokens or shorten the prompt")
        }
        if !(sampling.temperature >= 0 && sampling.temperature.isFinite) {
            problems.append("the temperature is \(sampling.temperature), expected 0 or more")
        }
        if let topK = sampling.topK, topK < 1 { problems.append("top-k is \(topK), expected at least 1") }
        if !(sampling.topP > 0 && sampling.topP <= 1) {
            problems.append("top-p is \(sampling.topP), expected more than 0 and at most 1")
        }
        return problems
    }
}

/// Requests that cannot be served.
public struct GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Each with the number of its request in the list.
    public let problems: [String]

    public var description: String { "cannot generate: " + problems.joined(separator: "; ") }
}
