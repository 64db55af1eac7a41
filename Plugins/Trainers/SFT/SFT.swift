public import DataLoader
public import PluginAPI

/// Supervised fine-tuning: cross-entropy on the completions of prompts, or on the assistant's turns of conversations.
public final class SFT: Trainer {
    /// What is done with a sample that is longer than the sequence length.
    public enum Truncation: String, Codable, Sendable {
        case keepStart = "keep_start"
        case keepEnd = "keep_end"
        case drop
    }

    /// What the recipe's `trainer:` section may say.
    public struct Config: PluginConfig {
        /// See `help`.
        public var completionOnly = true
        /// See `help`.
        public var truncation = Truncation.keepStart

        enum CodingKeys: String, CodingKey {
            case completionOnly = "completion_only"
            case truncation
        }

        public static let template = Config()
        public static let help = [
            "completion_only": "whether prompts and the turns of others are left out of the loss",
            "truncation": "of samples longer than sequence.length: keep_start | keep_end | drop (leave the sample out)",
        ]
    }

    private let config: Config
    private let session: TrainingSession

    public init(_ config: Config, _ session: TrainingSession) {
        self.config = config
        self.session = session
    }

    /// Nil for samples without a trained token, after truncation too.
    public func example(from sample: Sample) throws -> Example? {
        let whole = try sequence(sample)
        let length = session.settings.sequenceLength
        let surplus = max(0, whole.ids.count - length)
        let kept: Range<Int>
        switch config.truncation {
        case .drop where surplus > 0: return nil
        case .keepStart, .drop: kept = 0..<whole.ids.count - surplus
        case .keepEnd: kept = surplus..<whole.ids.count
        }
        let sequence = TokenSequence(ids: Array(whole.ids[kept]), trained: Array(whole.trained[kept]))
        return sequence.trainedCount == 0 ? nil : Example([sequence], from: sample)
    }

    public func experience(from examples: [Example]) throws -> [MicroBatch] {
        let settings = session.settings
        guard settings.packs else {
            return MicroBatch.collate(examples, size: settings.microBatchSize, term: "tokens")
        }
        return try MicroBatch.packed(
            examples, length: settings.sequenceLength, size: settings.microBatchSize, term: "tokens", .firstFit)
    }

    public func objective(_ scores: TokenScores, _ batch: MicroBatch) -> Objective {
        scores.crossEntropy(weight: "tokens")
    }

    private func sequence(_ sample: Sample) throws -> TokenSequence {
        if let tokens = try session.tokens(of: sample) { return tokens }
        if let completion = try session.completionIDs("completion", of: sample) {
            let prompt = try session.promptIDs(of: sample) ?? []
            return TokenSequence(
                ids: prompt + completion,
                trained: prompt.map { _ in !config.completionOnly } + completion.map { _ in true })
        }
        guard let conversation = try session.conversation(of: sample) else {
            throw SampleError(
                sample: sample.id, column: "messages",
                problem: "sft needs columns prompt and completion, prompt_ids and completion_ids, messages, or "
                    + "input_ids; it has " + sample.columnNames.joined(separator: ", "))
        }
        if config.completionOnly { return conversation }
        return TokenSequence(ids: conversation.ids, trained: conversation.ids.map { _ in true })
    }
}

/// Registers `sft`.
public struct SFTPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.trainer("sft", SFT.self) }
}
