/// The vocabulary and the merges of a byte-pair encoding.
///
/// Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), arXiv:1508.07909.
// A class, because a struct of this many arrays would be retained field by field for every piece.
final class BytePairModel: Sendable {
    /// What a piece is made of before anything merges.
    enum Symbols: Sendable {
        /// Bytes; the id of each byte, -1 for those without one, which vanish as in the reference implementation.
        case bytes([Int32])
        /// Scalars; those without an id become the ids of their bytes or else `unknown`.
        case scalars(bytes: [Int32]?, unknown: Int32?, fusesUnknown: Bool)
    }

    /// Marks a pair that does not merge.
    static let noMerge = UInt64.max

    /// For a pair of ids rank * 2^32 + id of the merged token.
    let merges: PairMap<UInt64>
    /// From the bytes that a token stands for to its id.
    let vocabulary: ByteMap
    let symbols: Symbols
    /// Whether a piece that is a token is never merged from its parts (`ignore_merges`).
    let keepsWholePieces: Bool

    init(merges: PairMap<UInt64>, vocabulary: ByteMap, symbols: Symbols, keepsWholePieces: Bool) {
        self.merges = merges
        self.vocabulary = vocabulary
        self.symbols = symbols
        self.keepsWholePieces = keepsWholePieces
    }

    /// Appends what a piece is made of before anything merges.
    func appendSymbols(of piece: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
        if keepsWholePieces, let id = vocabulary.find(piece).value { return ids.append(Int32(id)) }
        switch symbols {
        case .bytes(let byteIDs):
            for byte in piece where byteIDs[Int(byte)] >= 0 { ids.append(byteIDs[Int(byte)]) }
        case .scalars(let byteIDs, let unknown, let fusesUnknown):
            var start = 0
            var isBehindUnknown = false
            while start < piece.count {
                var end = start + 1
                while end < piece.count, piece[end] & 0xC0 == 0x80 { end += 1 }
                let scalar = UnsafeBufferPointer(rebasing: piece[start..<end])
                start = end
                if let id = vocabulary.find(scalar).value {
                    ids.append(Int32(id))
                    isBehindUnknown = false
                } else if let byteIDs, scalar.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                    for byte in scalar { ids.append(byteIDs[Int(byte)]) }
                    isBehindUnknown = false
                } else if let unknown {
                    if !(fusesUnknown && isBehindUnknown) { ids.append(unknown) }
                    isBehindUnknown = true
                }
            }
        }
    }
}
