/// Turns token ids into text one at a time, and gives out whole characters only.
///
/// What `append` and `finish` return, joined, equals `Tokenizer.decode` of all ids.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var pending: [UInt8] = []
    /// Neighbouring byte tokens of a byte-fallback vocabulary: text together or nothing.
    private var byteRun: [UInt8] = []
    private var isFirst = true
    private var stripsLeft: Int

    /// Starts a text.
    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skipSpecialTokens
        stripsLeft = tokenizer.decoder.strippedCount
    }

    /// Takes the next id and returns the text that has become certain, often empty in the middle of a character.
    public mutating func append(_ id: Int32) -> String {
        take(id)
        let held = StreamDecoder.incompleteSuffixCount(pending)
        let text = String(decoding: pending.dropLast(held), as: UTF8.self)
        pending.removeFirst(pending.count - held)
        return text
    }

    /// Returns what is left; bytes that have not become a character are U+FFFD.
    public mutating func finish() -> String {
        endByteRun()
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    mutating func take(_ id: Int32) {
        let vocabulary = tokenizer.vocabulary
        if skipsSpecialTokens && vocabulary.isSpecial(id) || vocabulary.token(of: id) == nil { return }
        if vocabulary.isByte(id) {
            byteRun += vocabulary.bytes(of: id)
        } else {
            endByteRun()
            add(vocabulary.bytes(of: id))
        }
    }

    private mutating func endByteRun() {
        if byteRun.isEmpty { return }
        let isText = String(validating: byteRun, as: UTF8.self) != nil
        add(isText ? byteRun[...] : ArraySlice(byteRun.flatMap { _ in "\u{FFFD}".utf8 }))
        byteRun.removeAll()
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) {
        let decoder = tokenizer.decoder
        if !isFirst { pending += decoder.separator.utf8 }
        isFirst = false
        var bytes = bytes
        while stripsLeft > 0, !bytes.isEmpty {
            guard bytes.starts(with: decoder.stripped) else {
                stripsLeft = 0
                break
            }
            bytes = bytes.dropFirst(decoder.stripped.count)
            stripsLeft -= 1
        }
        pending += bytes
    }

    /// How many bytes at the end may be the start of a longer character.
    private static func incompleteSuffixCount(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > count ? count : 0
        }
        return 0
    }
}
