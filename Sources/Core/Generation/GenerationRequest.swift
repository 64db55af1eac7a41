/// A prompt to be continued.
public struct GenerationRequest: Sendable, Hashable {
    public var prompt: [Int32]
    /// The most tokens to add.
    public var maximumNewTokens: Int
    /// Logits are divided by it before anything is left out; 0 = the likeliest token each time.
    public var temperature: Double
    /// Only so many likeliest tokens are drawn from; nil = all.
    public var topK: Int?
    /// Only the likeliest tokens that together reach this probability are drawn from; nil = all.
    public var topP: Double?
    /// Only tokens at least this times as likely as the likeliest one are drawn from; nil = all.
    public var minP: Double?
    /// Positive logits of tokens that the prompt or the continuation has are divided by it, negative ones multiplied
    /// (Keskar et al. 2019, arXiv 1909.05858, section 4.1); 1 = none.
    public var repetitionPenalty: Double
    /// Tokens after which generation ends, e.g. the end-of-sequence token.
    public var stopIDs: Set<Int32>
    /// Texts at which generation ends; the generator needs a decode function for them.
    public var stopStrings: [String]
    /// Whether stop tokens are ordinary tokens, so that exactly `maximumNewTokens` are generated.
    public var ignoresStop: Bool
    public var seed: UInt64
    /// Tells requests of one seed apart, e.g. samples of one prompt. Random numbers depend on (seed, index, position)
    /// only, never on what else is generated at the same time.
    public var index: UInt64

    public init(
        prompt: [Int32], maximumNewTokens: Int, temperature: Double = 1, topK: Int? = nil, topP: Double? = nil,
        minP: Double? = nil, repetitionPenalty: Double = 1, stopIDs: Set<Int32> = [], stopStrings: [String] = [],
        ignoresStop: Bool = false, seed: UInt64, index: UInt64 = 0
    ) {
        self.prompt = prompt
        self.maximumNewTokens = maximumNewTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.stopIDs = stopIDs
        self.stopStrings = stopStrings
        self.ignoresStop = ignoresStop
        self.seed = seed
        self.index = index
    }

    /// What is wrong with the request for a model of this configuration; empty when nothing is.
    /// - Parameter decodes: whether the generator can turn tokens into text.
    public func problems(for configuration: DecoderConfiguration, decodes: Bool) -> [String] {
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
        problems += samplingProblems
        if stopStrings.contains("") { problems.append("a stop string is empty, expected at least one character") }
        if !stopStrings.isEmpty && !decodes {
            problems.append("stop strings are given, but there is no tokenizer that turns tokens into text")
        }
        return problems
    }

    private var samplingProblems: [String] {
        var problems: [String] = []
        if !(temperature >= 0 && temperature.isFinite) {
            problems.append("temperature is \(temperature), expected 0 or more")
        }
        if let topK, topK < 1 { problems.append("top-k is \(topK), expected at least 1") }
        if let topP, !(topP > 0 && topP <= 1) {
            problems.append("top-p is \(topP), expected more than 0 and at most 1")
        }
        if let minP, !(minP >= 0 && minP <= 1) { problems.append("min-p is \(minP), expected 0 to 1") }
        if !(repetitionPenalty > 0 && repetitionPenalty.isFinite) {
            problems.append("the repetition penalty is \(repetitionPenalty), expected more than 0")
        }
        return problems
    }
}
