public import DataLoader
public import PluginAPI

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

    /// One sequence, cut at the sequence length; when sequences are packed, as many as the document fills.
    public func example(from sample: Sample) throws -> Example? {
        let document = try document(sample)
        let length = session.settings.sequenceLength
        let starts = session.settings.packs ? Array(stride(from: 0, to: document.ids.count, by: length)) : [0]
        let pieces = starts.map { start in
            let end = min(start + length, document.ids.count)
            return TokenSequence(ids: Array(document.ids[start..<end]), trained: Array(document.trained[start..<end]))
        }.filter { $0.trainedCount > 0 }
        return pieces.isEmpty ? nil : Example(pieces, from: sample)
    }

    public func experience(from examples: [Example]) -> [MicroBatch] {
        let settings = session.settings
        guard settings.packs else {
            return MicroBatch.collate(examples, size: settings.microBatchSize, term: "tokens")
        }
        return MicroBatch.packed(
            examples, length: settings.sequenceLength, size: settings.microBatchSize, term: "tokens")
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
