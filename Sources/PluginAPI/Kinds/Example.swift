public import DataLoader

/// Token ids in a row, and which of them the model is trained (or scored) to predict.
public struct TokenSequence: Sendable {
    public var ids: [Int32]
    /// One flag a token: whether its log-probability given the tokens before it is wanted. The first can never be.
    public var trained: [Bool]
    /// Where the documents start in a packed sequence; [0] otherwise. Attention never crosses, positions restart.
    public var documentStarts: [Int]

    public init(ids: [Int32], trained: [Bool], documentStarts: [Int] = [0]) {
        precondition(ids.count == trained.count, "sequence: \(ids.count) ids but \(trained.count) flags")
        self.ids = ids
        self.trained = trained
        self.documentStarts = documentStarts
        // Nothing stands before the first token of a document, so it cannot be predicted.
        for start in documentStarts where start < ids.count { self.trained[start] = false }
    }

    public var trainedCount: Int { trained.reduce(0) { $0 + ($1 ? 1 : 0) } }
}

/// What a trainer made of one sample: one sequence, or several that belong together (a preference pair).
public struct Example: Sendable {
    public var sequences: [TokenSequence]
    /// The columns, for rewards and messages.
    public var sample: Sample

    public init(_ sequences: [TokenSequence], from sample: Sample) {
        self.sequences = sequences
        self.sample = sample
    }

    public var sampleID: String { sample.id }
}
