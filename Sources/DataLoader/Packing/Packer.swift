/// Packs documents into sequences of one length, so that little is spent on padding.
///
/// A packer holds documents back until a sequence is full. A loop that must resume from a ``LoaderState`` alone packs
/// the samples of one batch at a time and calls ``finish()`` after each: then nothing is carried over.
public struct Packer: Sendable {
    /// How documents are put together.
    public enum Strategy: String, Sendable, CaseIterable {
        /// In order; a document that does not fit begins the next sequence.
        case inOrder = "in-order"
        /// Into the first of the open sequences that has room: less padding, order nearly kept.
        case firstFit = "first-fit"
        /// End to end; a document that does not fit is cut, and its rest begins the next sequence as a segment of its
        /// own. No padding except at the end.
        case split
    }

    /// Tokens of a sequence, T.
    public let length: Int
    /// How documents are put together.
    public let strategy: Strategy
    /// The token id that fills what is left.
    public let padding: Int32
    /// How many sequences `firstFit` keeps open.
    public let openLimit: Int
    private var open: [PackedSequence] = []

    /// - Parameters:
    ///   - length: tokens of a sequence.
    ///   - strategy: how documents are put together.
    ///   - padding: the token id that fills what is left.
    ///   - openLimit: sequences that `firstFit` keeps open; the fullest is given up for a new one.
    public init(length: Int, strategy: Strategy = .inOrder, padding: Int32 = 0, openLimit: Int = 16) {
        precondition(length > 0 && openLimit > 0, "a packer needs a positive length and an open sequence")
        self.length = length
        self.strategy = strategy
        self.padding = padding
        self.openLimit = strategy == .firstFit ? openLimit : 1
    }

    /// Adds a document and returns the sequences that it completed. Empty documents are passed over.
    ///
    /// - Throws: ``DataError`` when the document is longer than a sequence, unless the strategy is `split`.
    public mutating func add(_ document: Document) throws -> [PackedSequence] {
        let count = document.tokens.count
        guard count > 0 else { return [] }
        guard count <= length || strategy == .split else {
            throw DataError(
                "cannot pack sample \(document.id): it has \(count) tokens, a sequence has \(length)",
                hint: "raise sequence.length, or pack with the strategy split")
        }
        var full: [PackedSequence] = []
        var start = 0
        while start < count {
            let place = place(for: strategy == .split ? 1 : count, &full)
            let end = min(count, start + length - open[place].tokens.count)
            open[place].append(document, start..<end)
            start = end
            if open[place].tokens.count == length { full.append(open.remove(at: place)) }
        }
        return full
    }

    /// The sequences that are still open, padded; the packer is empty afterwards.
    public mutating func finish() -> [PackedSequence] {
        defer { open = [] }
        return open.map { $0.padded(to: length, with: padding) }
    }

    /// The open sequence that has room for `count` tokens; a new one, if need be, in place of the fullest.
    private mutating func place(for count: Int, _ full: inout [PackedSequence]) -> Int {
        if let fitting = open.firstIndex(where: { $0.tokens.count + count <= length }) { return fitting }
        let fullest = open.indices.max { open[$0].tokens.count < open[$1].tokens.count }
        if open.count == openLimit, let fullest {
            full.append(open.remove(at: fullest).padded(to: length, with: padding))
        }
        open.append(PackedSequence())
        return open.count - 1
    }
}
