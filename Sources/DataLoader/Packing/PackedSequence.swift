/// Documents side by side in one sequence, kept apart: attention must not cross segments, positions restart in each.
public struct PackedSequence: Sendable, Hashable {
    /// Token ids [T]; ``Packer/padding`` after the last document.
    public internal(set) var tokens: [Int32] = []
    /// Labels [T]: -100 at padding and where a document says so, otherwise the token itself.
    public internal(set) var labels: [Int32] = []
    /// The number of the document of each token [T], from 0; -1 at padding.
    public internal(set) var segments: [Int32] = []
    /// The position of each token in its document [T], from 0; 0 at padding.
    public internal(set) var positions: [Int32] = []
    /// The ids of the documents, in order.
    public internal(set) var documents: [String] = []

    mutating func append(_ document: Document, _ range: Range<Int>) {
        tokens += document.tokens[range]
        labels += (document.labels ?? document.tokens)[range]
        segments += [Int32](repeating: Int32(documents.count), count: range.count)
        positions += (0..<range.count).map(Int32.init)
        documents.append(document.id)
    }

    func padded(to length: Int, with token: Int32) -> PackedSequence {
        let missing = length - tokens.count
        guard missing > 0 else { return self }
        var full = self
        full.tokens += [Int32](repeating: token, count: missing)
        full.labels += [Int32](repeating: -100, count: missing)
        full.segments += [Int32](repeating: -1, count: missing)
        full.positions += [Int32](repeating: 0, count: missing)
        return full
    }
}
