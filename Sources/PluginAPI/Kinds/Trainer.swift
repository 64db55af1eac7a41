public import DataLoader
public import JSON

/// A training algorithm: tokens in, per-token scores out to a loss.
///
/// A trainer says which positions it wants scored and what loss follows from the scores. It never runs the policy in its
/// objective and never learns how the model is laid out over ranks; the loop does both.
public protocol Trainer: SendableMetatype {
    associatedtype Config: PluginConfig
    init(_ config: Config, _ session: TrainingSession) throws

    /// Turns a sample into token sequences; nil leaves it out, decided from the sample alone.
    func example(from sample: Sample) throws -> Example?

    /// Turns the examples of one optimizer step into micro-batches. Preference trainers add a reference's scores here, RL
    /// trainers sample and reward completions. It may not change weights.
    func experience(from examples: [Example]) throws -> [MicroBatch]

    /// The loss of one micro-batch, from its scores.
    func objective(_ scores: TokenScores, _ batch: MicroBatch) throws -> Objective
}

/// A trainer that needs models beside the policy.
public protocol HasAuxiliaryModels: Trainer {
    /// The models, known from the settings alone.
    static func auxiliaryModels(_ config: Config) -> [AuxiliaryModel]
}

/// A frozen model beside the policy.
public struct AuxiliaryModel: Sendable, Hashable {
    /// What the trainer calls it, e.g. "reference".
    public let role: String
    /// A Hugging Face directory; nil = the weights that the policy started from.
    public let path: String?

    public init(role: String, path: String?) {
        self.role = role
        self.path = path
    }
}

/// A trainer with numbers of its own that a resumed run must have again.
public protocol HasState: Trainer {
    func state() throws -> JSONValue
    func restore(_ state: JSONValue) throws
}
