import DataLoader
import PluginAPI
import Text

/// Writes documents as token ids: one sample a document, or samples of one length cut from all documents end to end.
struct TokenSharder {
    let tokenizer: Tokenizer
    let sequenceLength: Int?
    let target: ShardTarget

    func write(_ files: [InputFiles.File]) throws -> ShardResult {
        var samples = TokenSamples(target: target)
        let reader = DocumentReader(tokenizer: tokenizer, files: files)
        if let sequenceLength {
            var cutter = SequenceCutter(length: sequenceLength, end: tokenizer.eosTokenID)
            try reader.forEachPiece { document, isLast in
                try cutter.add(document, isLast: isLast) { try samples.write($0) }
            }
            if cutter.leftCount > 0 {
                StandardError.write(
                    "the last \(cutter.leftCount) tokens do not fill a sample of \(sequenceLength) and are left out")
            }
        } else {
            var tokens: [Int32] = []
            try reader.forEachPiece { document, isLast in
                guard !isLast || !tokens.isEmpty else { return try samples.write(document) }
                tokens += document.tokens
                guard isLast else { return }
                try samples.write(Document(tokens: tokens, id: document.id))
                tokens = []
            }
        }
        return try samples.finish()
    }
}

/// The columns input_ids and labels; the first sample says whether there are labels.
struct TokenSamples {
    private let target: ShardTarget
    private var writer: MDSWriter?
    private var hasLabels = false
    private var sampleCount = 0
    private var tokenCount = 0

    init(target: ShardTarget) { self.target = target }

    mutating func write(_ document: Document) throws {
        let writer: MDSWriter
        if let open = self.writer {
            writer = open
        } else {
            hasLabels = document.labels != nil
            let names = hasLabels ? ["input_ids", "labels"] : ["input_ids"]
            writer = try target.writer(
                columns: Dictionary(uniqueKeysWithValues: names.map { ($0, .array(.int32, shape: nil)) }))
            self.writer = writer
        }
        guard hasLabels == (document.labels != nil) else {
            throw InputError(
                document.id, "has \(hasLabels ? "no labels, the lines before it have" : "labels, the lines before it have none")",
                fix: "shard files of different forms one by one")
        }
        var values: [String: ColumnValue] = ["input_ids": .integers(document.tokens)]
        if let labels = document.labels { values["labels"] = .integers(labels) }
        try writer.write(values)
        sampleCount += 1
        tokenCount += document.tokens.count
    }

    func finish() throws -> ShardResult {
        guard let writer else {
            throw InputError("--input", "holds too little for one sample", fix: "give more text, or a shorter --sequence-length")
        }
        let index = try writer.finish()
        return ShardResult(samples: sampleCount, tokens: tokenCount, shards: index.shards.count)
    }
}
