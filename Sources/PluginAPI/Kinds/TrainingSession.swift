public import Core
public import JSON
public import Text

/// What a trainer can ask of the run. Made by the loop; every method is called by all ranks in the same order.
public final class TrainingSession {
    /// The run's settings that concern trainers.
    public let settings: TrainingSettings
    /// Present when the recipe names one.
    public let tokenizer: Tokenizer?
    /// Optimizer steps done so far.
    public internal(set) var step = 0
    private let engine: any TrainingEngine

    public init(settings: TrainingSettings, tokenizer: Tokenizer?, engine: any TrainingEngine) {
        self.settings = settings
        self.tokenizer = tokenizer
        self.engine = engine
    }

    /// Log-probabilities [N] of a micro-batch's scored positions under a frozen model, outside any graph.
    /// - Parameter role: see `AuxiliaryModel.role`.
    public func score(_ role: String, _ batch: MicroBatch) throws -> [Double] { try engine.score(role, batch) }

    /// Completions by the policy's own weights.
    public func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        try engine.generate(requests)
    }

    /// Sums over the data ranks, element by element.
    public func reduce(_ values: [Double]) throws -> [Double] { try engine.reduce(values) }

    /// A reward by name; called from a trainer's initializer, before the run starts.
    public func reward(_ name: String, options: JSONValue) throws -> any Reward {
        try engine.reward(name, options: options)
    }

    /// The tokenizer, for trainers that cannot do without.
    /// - Throws: `InputError` that says how to name one.
    public func requireTokenizer(for purpose: String) throws -> Tokenizer {
        guard let tokenizer else {
            throw InputError(
                "tokenizer", "is missing: \(purpose) needs one",
                fix: "add `tokenizer: DIR` to the recipe, or use pre-tokenised data (input_ids)")
        }
        return tokenizer
    }
}

/// The part of the recipe that trainers see.
public struct TrainingSettings: Sendable {
    public var seed: UInt64
    /// Samples of one optimizer step over all data ranks.
    public var batchSize: Int
    /// Samples of one micro-batch of one rank.
    public var microBatchSize: Int
    /// Longest sequence, in tokens.
    public var sequenceLength: Int
    /// Whether short documents share a sequence.
    public var packs: Bool
    public var objective: ObjectiveSettings

    public init(
        seed: UInt64, batchSize: Int, microBatchSize: Int, sequenceLength: Int, packs: Bool = false,
        objective: ObjectiveSettings = ObjectiveSettings()
    ) {
        self.seed = seed
        self.batchSize = batchSize
        self.microBatchSize = microBatchSize
        self.sequenceLength = sequenceLength
        self.packs = packs
        self.objective = objective
    }
}

/// What stands behind a session: models, generation and ranks.
public protocol TrainingEngine: AnyObject {
    func score(_ role: String, _ batch: MicroBatch) throws -> [Double]
    func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult]
    func reduce(_ values: [Double]) throws -> [Double]
    func reward(_ name: String, options: JSONValue) throws -> any Reward
}
