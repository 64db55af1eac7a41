/// Passing over values without building them: a line's columns are ranges of its bytes.
extension JSONParser {
    /// The range of the next value, which is checked for its form (not for the UTF-8 of its strings).
    package mutating func range() throws(JSONError) -> Range<Int> {
        skipSpace()
        let start = offset
        try skip()
        return start..<offset
    }

    private mutating func skip() throws(JSONError) {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): try object { (parser, _) throws(JSONError) in try parser.skip() }
        case UInt8(ascii: "["): try list { (parser) throws(JSONError) in try parser.skip() }
        case UInt8(ascii: "\""): try skipString()
        default: _ = try value()
        }
    }

    private mutating func skipString() throws(JSONError) {
        advance()
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw JSONError(offset: offset, expected: "an escaped control character") }
            advance()
            if byte == UInt8(ascii: "\\"), next != nil { advance() }
        }
        guard next != nil else { throw JSONError(offset: offset, expected: "the closing quote of a string") }
        advance()
    }
}
