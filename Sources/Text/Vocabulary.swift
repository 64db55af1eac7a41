/// Every token by id: its spelling, the bytes that it decodes to, and whether it is special.
final class Vocabulary: Sendable {
    private let ids: ByteMap
    private let spellings: [String?]
    private let isSpecial: [Bool]
    private let isByte: [Bool]
    // The bytes of all tokens one after another; token i ends where token i + 1 starts.
    private let bytes: [UInt8]
    private let starts: [Int]

    /// The largest id plus one.
    var count: Int { spellings.count }

    /// - Parameters:
    ///   - tokens: pairs of spelling and id; of two with one id the later counts.
    ///   - respelled: spellings to decode in place of a token's own.
    init(
        _ tokens: [(spelling: String, id: Int32)], special: [Int32], respelled: [Int32: String], decoder: TokenDecoder
    ) {
        let count = Int(tokens.map(\.id).max() ?? -1) + 1
        var ids = ByteMap(minimumCapacity: tokens.count)
        var spellings = [String?](repeating: nil, count: count)
        var isSpecial = [Bool](repeating: false, count: count)
        var isByte = isSpecial
        var bytes: [UInt8] = []
        var starts = [0]
        for (spelling, id) in tokens {
            spellings[Int(id)] = spelling
            var spelling = spelling
            _ = spelling.withUTF8 { ids.update($0, value: Int(id)) }
        }
        for id in special { isSpecial[Int(id)] = true }
        let state = Pattern.State()
        starts.reserveCapacity(count + 1)
        for (id, spelling) in spellings.enumerated() {
            if let spelling {
                let decoded = decoder.bytes(of: respelled[Int32(id)] ?? spelling, using: state)
                bytes += decoded.bytes
                isByte[id] = decoded.isByte
            }
            starts.append(bytes.count)
        }
        self.ids = ids
        self.spellings = spellings
        self.isSpecial = isSpecial
        self.isByte = isByte
        self.bytes = bytes
        self.starts = starts
    }

    func id(of token: String) -> Int32? { ids[token].map(Int32.init(truncatingIfNeeded:)) }

    func token(of id: Int32) -> String? { spellings.indices.contains(Int(id)) ? spellings[Int(id)] : nil }

    func isSpecial(_ id: Int32) -> Bool { isSpecial.indices.contains(Int(id)) && isSpecial[Int(id)] }

    /// Whether a token is one byte of a byte-fallback vocabulary.
    func isByte(_ id: Int32) -> Bool { isByte.indices.contains(Int(id)) && isByte[Int(id)] }

    /// The bytes that a token decodes to; none for an id without a token.
    func bytes(of id: Int32) -> ArraySlice<UInt8> {
        guard spellings.indices.contains(Int(id)) else { return [] }
        return bytes[starts[Int(id)]..<starts[Int(id) + 1]]
    }
}
