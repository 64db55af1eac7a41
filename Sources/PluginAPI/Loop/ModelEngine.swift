public import Core
public import JSON

/// The engine of a run: the policy, the frozen models beside it, generation and ranks.
public final class ModelEngine: TrainingEngine {
    private let policy: PolicyModel
    private let frozen: [String: PolicyModel]
    private let generator: ([GenerationRequest]) throws -> [GenerationResult]
    private let rewards: (String, JSONValue) throws -> any Reward

    /// - Parameters:
    ///   - policy: the trained model.
    ///   - frozen: models by role.
    ///   - generator: continues prompts with the policy's weights.
    ///   - rewards: resolves a reward's name.
    public init(
        policy: PolicyModel, frozen: [String: PolicyModel], generator: @escaping ([GenerationRequest]) throws -> [GenerationResult],
        rewards: @escaping (String, JSONValue) throws -> any Reward
    ) {
        self.policy = policy
        self.frozen = frozen
        self.generator = generator
        self.rewards = rewards
    }

    public func score(_ role: String, _ batch: MicroBatch) throws -> [Double] {
        guard let model = frozen[role] else {
            throw InputError(
                "trainer", "asks for scores of a model '\(role)' that it did not declare",
                fix: "return it from HasAuxiliaryModels.auxiliaryModels")
        }
        return try model.logProbs(batch)
    }

    public func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        try generator(requests)
    }

    public func reduce(_ values: [Double]) throws -> [Double] { try policy.plan.data.sum(values) }

    public func reward(_ name: String, options: JSONValue) throws -> any Reward { try rewards(name, options) }
}
