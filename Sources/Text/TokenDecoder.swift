/// How tokens become text again.
struct TokenDecoder: Sendable {
    /// Whether tokens are bytes in GPT-2's printable alphabet.
    private(set) var isByteLevel = false
    /// Whether tokens such as <0xE2> are bytes.
    private(set) var hasByteTokens = false
    /// Put between tokens when there is no decoder at all.
    private(set) var separator = ""
    /// Bytes taken off the start of the text, at most `strippedCount` times.
    private(set) var stripped: [UInt8] = []
    private(set) var strippedCount = 0
    private var replacements: [(pattern: Pattern, content: String)] = []

    /// Reads the `decoder` of a tokenizer.json; nil joins tokens with spaces, as the reference implementation does.
    init(_ json: JSON?, _ path: String) throws(TokenizerError) {
        guard let json else {
            separator = " "
            return
        }
        try append(json, path)
    }

    private mutating func append(_ json: JSON, _ path: String) throws(TokenizerError) {
        let component = try Component(json, path)
        switch component.type {
        case "Sequence":
            for (index, element) in try component.list("decoders").enumerated() {
                try append(element, "\(path).decoders[\(index)]")
            }
        case "ByteLevel": isByteLevel = true
        case "ByteFallback": hasByteTokens = true
        case "Fuse": break  // tokens are always joined here
        case "Replace": replacements.append((try component.pattern(), try component.text("content")))
        case "Strip":
            guard let count = json["start"]?.id, json["stop"]?.id == 0, stripped.isEmpty else {
                throw Component.missing(path, "one Strip with a count as start and 0 as stop")
            }
            stripped = Array(try component.text("content").utf8)
            strippedCount = Int(count)
        default:
            throw component.unsupported(["ByteFallback", "ByteLevel", "Fuse", "Replace", "Sequence", "Strip"])
        }
    }

    /// The bytes that a token adds to a text, and whether it is a byte token.
    func bytes(of token: String, using state: Pattern.State) -> (bytes: [UInt8], isByte: Bool) {
        if isByteLevel { return (ByteAlphabet.bytes(of: token) ?? Array(token.utf8), false) }
        if hasByteTokens, let byte = TokenDecoder.byte(of: token) { return ([byte], true) }
        let text = replacements.reduce(token) { $1.pattern.replacing(in: $0, with: $1.content, using: state) }
        return (Array(text.utf8), false)
    }

    /// The byte that a token such as <0x0A> stands for.
    static func byte(of token: String) -> UInt8? {
        guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
        return UInt8(token.dropFirst(3).dropLast(), radix: 16)
    }
}
