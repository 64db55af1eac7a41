import DataLoader
import PluginAPI

/// Lays documents end to end and cuts the row into pieces of one length.
struct SequenceCutter {
    private let length: Int
    private let end: Int32?
    private var tokens: [Int32] = []
    private var labels: [Int32]?
    private var isEmpty = true

    init(length: Int, end: Int32?) {
        self.length = length
        self.end = end
    }

    /// Tokens that do not fill a piece yet.
    var leftCount: Int { tokens.count }

    mutating func add(_ document: Document, isLast: Bool, _ body: (Document) throws -> Void) throws {
        if isEmpty {
            labels = document.labels.map { _ in [] }
            isEmpty = false
        }
        guard (labels == nil) == (document.labels == nil) else {
            throw InputError(
                document.id, "has \(labels == nil ? "labels, the lines before it have none" : "no labels, the lines before it have")",
                fix: "shard files of different forms one by one")
        }
        tokens += document.tokens
        labels = labels.map { $0 + (document.labels ?? []) }
        if isLast, let end, document.tokens.last != end {
            tokens.append(end)
            // Only what the document's own labels train is trained.
            labels?.append(-100)
        }
        var start = 0
        while tokens.count - start >= length {
            let range = start..<start + length
            try body(
                Document(tokens: Array(tokens[range]), labels: labels.map { Array($0[range]) }, id: document.id))
            start += length
        }
        tokens.removeFirst(start)
        labels?.removeFirst(start)
    }
}
