// P pairs; S = 2P sequences: chosen 0, rejected 0, chosen 1, ...; N scored positions (all completion tokens)

internal import Core
public import DataLoader
public import PluginAPI

/// Direct preference optimisation: Rafailov et al., "Direct Preference Optimization: Your Language Model is Secretly a
/// Reward Model", 2023, arXiv 2305.18290, equation 7.
public final class DPO: HasAuxiliaryModels {
    /// What the recipe's `trainer:` section may say.
    public struct Config: PluginConfig {
        /// See `help`.
        public var beta = 0.1
        /// See `help`.
        public var reference: String?

        public static let template = Config()
        public static let help = [
            "beta": "how strongly the policy is held to the reference, above 0; the reward is beta * log-ratio",
            "reference": "Hugging Face directory of the frozen reference; null = the weights that the run starts from",
        ]
    }

    public static func auxiliaryModels(_ config: Config) -> [AuxiliaryModel] {
        [AuxiliaryModel(role: "reference", path: config.reference)]
    }

    private let config: Config
    private let session: TrainingSession

    public init(_ config: Config, _ session: TrainingSession) throws {
        guard config.beta > 0 else { throw InputError("trainer.beta", "found \(config.beta), expected above 0") }
        self.config = config
        self.session = session
    }

    /// The prompt with the chosen completion, and with the rejected one; only completions are scored.
    public func example(from sample: Sample) throws -> Example? {
        guard let chosen = try session.completionIDs("chosen", of: sample),
            let rejected = try session.completionIDs("rejected", of: sample)
        else {
            throw SampleError(
                sample: sample.id, column: "chosen",
                problem: "dpo needs columns prompt, chosen and rejected, as text, messages or ..._ids; it has "
                    + sample.columnNames.joined(separator: ", "))
        }
        let prompt = try session.promptIDs(of: sample)
        // Without a column of its own, the prompt is what both completions begin with.
        let shared = prompt?.count ?? zip(chosen, rejected).prefix { $0 == $1 }.count
        let pair = [chosen, rejected].map { completion in
            let ids = ((prompt ?? []) + completion).prefix(session.settings.sequenceLength)
            return TokenSequence(ids: Array(ids), trained: ids.indices.map { $0 >= shared })
        }
        return pair.contains { $0.trainedCount == 0 } ? nil : Example(pair, from: sample)
    }

    /// Adds the reference's log-probabilities.
    public func experience(from examples: [Example]) throws -> [MicroBatch] {
        try MicroBatch.groups(of: examples, size: session.settings.microBatchSize).map { pairs in
            var batch = MicroBatch(
                sequences: pairs.flatMap(\.sequences), weights: ["pairs": Double(pairs.count)],
                sampleIDs: pairs.map(\.sampleID))
            batch.tokenColumns["reference"] = try session.score("reference", batch)
            return batch
        }
    }

    /// -log sigmoid(beta * (c - r)), with c and r the log-ratios of policy to reference of a pair's two completions.
    public func objective(_ scores: TokenScores, _ batch: MicroBatch) throws -> Objective {
        let beta = config.beta
        let reference = scores.tensor(batch.tokenColumns["reference"] ?? [])
        let logProbs = pairs(scores, scores.sumPerSequence(scores.logProbs))
        let ratios = pairs(scores, scores.sumPerSequence(scores.map([scores.logProbs, reference]) { $0[0] - $0[1] }))
        let both = [ratios.chosen, ratios.rejected]
        let loss = scores.map(both) { -(beta * ($0[0] - $0[1])).logSigmoid }

        let weight = Double(scores.sequenceCount / 2)
        return Objective(
            [.init("pairs", sum: loss)],
            metrics: [
                .init("rewards/chosen", sum: scores.map(both) { beta * $0[0] }, weight: weight),
                .init("rewards/rejected", sum: scores.map(both) { beta * $0[1] }, weight: weight),
                .init("rewards/accuracies", sum: scores.map(both) { $0[1] < $0[0] }, weight: weight),
                .init("rewards/margins", sum: scores.map(both) { beta * ($0[0] - $0[1]) }, weight: weight),
                .init("logps/chosen", sum: logProbs.chosen, weight: weight),
                .init("logps/rejected", sum: logProbs.rejected, weight: weight),
            ])
    }

    /// [S] -> [P] for the chosen, [P] for the rejected.
    private func pairs(_ scores: TokenScores, _ values: Tensor) -> (chosen: Tensor, rejected: Tensor) {
        let count = scores.sequenceCount / 2
        func every(second start: Int) -> Tensor {
            let places = scores.graph.runtime.tensor((0..<count).map { Int32(2 * $0 + start) }, [count])
            return scores.graph.rows(values.reshaped(to: [2 * count, 1]), at: places).reshaped(to: [count])
        }
        return (every(second: 0), every(second: 1))
    }
}

/// Registers `dpo`.
public struct DPOPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.trainer("dpo", DPO.self) }
}
