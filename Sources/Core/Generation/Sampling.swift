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
