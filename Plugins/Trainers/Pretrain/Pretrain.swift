public import DataLoader
public import PluginAPI
internal import Text

/// Next-token prediction on documents: cross-entropy on every token, packed or truncated to the sequence length.
public final class Pretrain: Trainer {
    /// What the recipe's `trainer:` section may say.
    public struct Config: PluginConfig {
        /// See `help`.
        public var appendEOS = true

        enum CodingKeys: String, CodingKey { case appendEOS = "append_eos" }

        public static let template = Config()
        public static let help = [
            "append_eos": "whether a document given as text ends with the tokenizer's end-of-sequence token"
        ]
    }

    private let config: Config
    private let session: TrainingSession

    public init(_ config: Config, _ session: TrainingSession) {
        self.config = config
        self.session = session
    }

    /// The document, cut off at the sequence length; whole when sequences are packed, which cuts it into pieces.
    public func example(from sample: Sample) throws -> Example? {
        var document = try document(sample)
        let length = session.settings.sequenceLength
        if !session.settings.packs, document.ids.count > length {
            document = TokenSequence(ids: Array(document.ids[..<length]), trained: Array(document.trained[..<length]))
        }
        return document.trainedCount == 0 ? nil : Example([document], from: sample)
    }

    public func experience(from examples: [Example]) throws -> [MicroBatch] {
        let settings = session.settings
        guard settings.packs else {
            return MicroBatch.collate(examples, size: settings.microBatchSize, term: "tokens")
        }
        return try MicroBatch.packed(
            examples, length: settings.sequenceLength, size: settings.microBatchSize, term: "tokens", .split)
    }

    public func objective(_ scores: TokenScores, _ batch: MicroBatch) -> Objective {
        scores.crossEntropy(weight: "tokens")
    }

    private func document(_ sample: Sample) throws -> TokenSequence {
        if let tokens = try session.tokens(of: sample) { return tokens }
        guard let column = sample["text"] else {
            throw SampleError(
                sample: sample.id, column: "text",
                problem: "pretrain needs a column input_ids, tokens or text; it has "
                    + sample.columnNames.joined(separator: ", "))
        }
        let tokenizer = try session.requireTokenizer(for: "the column 'text' of \(sample.id)")
        var ids = tokenizer.encode(try column.string())
        if config.appendEOS {
            let end = try session.endOfText(tokenizer)
            if ids.last != end { ids.append(end) }
        }
        return TokenSequence(ids: ids, trained: [Bool](repeating: true, count: ids.count))
    }
}

/// Registers `pretrain`.
public struct PretrainPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.trainer("pretrain", Pretrain.self) }
}
