public import JSON
public import PluginAPI

extension GRPO {
    /// How the token losses of a step become one number.
    public enum LossType: String, Codable, Sendable {
        /// The mean over all completion tokens of the step (DAPO, 2025, arXiv 2503.14476, equation 8).
        case dapo
        /// The mean over completions of the mean over their tokens (DeepSeekMath, equation 3).
        case grpo
        /// The mean over the tokens of a micro-batch, then over micro-batches.
        case bnpo
        /// The sum over tokens / (completions * max_completion_length) (Liu et al. 2025, arXiv 2503.20783).
        case drGRPO = "dr_grpo"
    }

    /// What rewards are divided by, beside 1e-4.
    public enum RewardScale: String, Codable, Sendable {
        /// The standard deviation of a prompt's own completions.
        case group
        /// The standard deviation of the whole step.
        case batch
        /// 1, and no 1e-4.
        case none
    }

    /// A reward by name with its weight; the other keys are the reward's own options.
    public struct RewardChoice: Codable, Sendable {
        /// The reward's name, see `forktail plugins list --kind reward`.
        public var name: String
        /// The factor on its value.
        public var weight: Double
        /// The reward's own settings.
        public var options: JSONValue

        public init(_ name: String, weight: Double = 1, options: JSONValue = .object([])) {
            self.name = name
            self.weight = weight
            self.options = options
        }

        /// A name alone, or an object with `name`, `weight` and options.
        public init(from decoder: any Decoder) throws {
            let value = try JSONValue(from: decoder)
            guard let name = value.string ?? value["name"]?.string else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "expected a reward's name or {name:, weight:}"))
            }
            let own = value.members.filter { $0.key != "name" && $0.key != "weight" }
            self.init(name, weight: value["weight"]?.double ?? 1, options: .object(own))
        }

        public func encode(to encoder: any Encoder) throws {
            try options.setting("name", to: .string(name)).setting("weight", to: .double(weight)).encode(to: encoder)
        }
    }

    /// What the recipe's `trainer:` section may say; names are TRL's.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var rewards: [RewardChoice] = []
        public var generationCount = 8
        public var maxCompletionLength = 256
        public var temperature = 1.0
        public var stopIDs: [Int32]?
        public var lossType = LossType.dapo
        public var scaleRewards = RewardScale.group
        public var epsilon = 0.2
        public var epsilonHigh: Double?
        public var beta = 0.0
        public var correctsKL = true
        public var reference: String?
        public var masksTruncated = false

        enum CodingKeys: String, CodingKey {
            case rewards, temperature, epsilon, beta, reference
            case generationCount = "num_generations"
            case maxCompletionLength = "max_completion_length"
            case stopIDs = "stop_ids"
            case lossType = "loss_type"
            case scaleRewards = "scale_rewards"
            case epsilonHigh = "epsilon_high"
            case correctsKL = "use_bias_correction_kl"
            case masksTruncated = "mask_truncated_completions"
        }

        public static let template = Config()
        public static let required = ["rewards"]
        public static let help = [
            "rewards": "list of {name:, weight:, options of the reward}; their weighted sum is the reward",
            "num_generations": "completions sampled for each prompt, 2 or more",
            "max_completion_length": "tokens after which a completion is cut off",
            "temperature": "of sampling, above 0; log-probabilities are those of the tempered distribution",
            "stop_ids": "token ids that end a completion; null = the tokenizer's end of sequence and end of turn",
            "loss_type": "mean over tokens: dapo | completions: grpo | micro-batches: bnpo | a constant: dr_grpo",
            "scale_rewards": "standard deviation that advantages are divided by: group | batch | none",
            "epsilon": "probability ratios count down to 1 - epsilon",
            "epsilon_high": "and up to 1 + epsilon_high; null = epsilon",
            "beta": "coefficient of the divergence from the reference; 0 = no reference model",
            "use_bias_correction_kl": "whether the divergence is multiplied by the probability ratio",
            "reference": "Hugging Face directory of the frozen reference; null = the weights that the run starts from",
            "mask_truncated_completions": "whether completions that were cut off are left out of the loss",
        ]

        /// - Throws: `InputError` with every value that cannot be used.
        func validate() throws {
            var problems: [InputProblem] = []
            func check(_ isGood: Bool, _ key: CodingKeys, _ found: Any, _ expected: String) {
                if isGood { return }
                problems.append(InputProblem("trainer.\(key.rawValue)", "found \(found), expected \(expected)"))
            }
            check(!rewards.isEmpty, .rewards, "none", "at least one reward")
            check(generationCount > 1, .generationCount, generationCount, "2 or more")
            check(maxCompletionLength > 0, .maxCompletionLength, maxCompletionLength, "1 or more")
            check(temperature > 0, .temperature, temperature, "above 0")
            check(epsilon >= 0, .epsilon, epsilon, "0 or more")
            check((epsilonHigh ?? 0) >= 0, .epsilonHigh, epsilonHigh ?? 0, "0 or more")
            check(beta >= 0, .beta, beta, "0 or more")
            if !problems.isEmpty { throw InputError(problems) }
        }
    }
}
