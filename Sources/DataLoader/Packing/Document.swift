/// Token ids that belong together: what a sequence is packed from.
public struct Document: Sendable, Hashable {
    /// The token ids.
    public let tokens: [Int32]
    /// The ids to be predicted at the same positions, -100 where nothing is trained; nil trains every token.
    public let labels: [Int32]?
    /// The ``Sample/id`` that it came from, for messages.
    public let id: String

    /// - Precondition: as many labels as tokens, if any.
    public init(tokens: [Int32], labels: [Int32]? = nil, id: String = "") {
        precondition(labels.map { $0.count == tokens.count } ?? true, "a document needs one label a token")
        self.tokens = tokens
        self.labels = labels
        self.id = id
    }
}
