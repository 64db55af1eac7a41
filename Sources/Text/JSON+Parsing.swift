extension JSON {
    /// A place in a text where it stops being JSON.
    struct SyntaxError: Error {
        let line: Int
        let expected: String
    }

    /// Parses one JSON document (RFC 8259) from valid UTF-8.
    static func parse(_ text: UnsafeBufferPointer<UInt8>) throws(SyntaxError) -> JSON {
        var parser = Parser(text: text)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        if parser.offset < text.count { throw parser.error("the end of the file") }
        return value
    }

    private struct Parser {
        let text: UnsafeBufferPointer<UInt8>
        var offset = 0
        /// Keeps hostile nesting from exhausting the stack.
        let maximumDepth = 256

        func error(_ expected: String) -> SyntaxError {
            SyntaxError(line: 1 + text.prefix(offset).count { $0 == UInt8(ascii: "\n") }, expected: expected)
        }

        mutating func skipSpace() {
            while offset < text.count, [0x20, 0x0A, 0x0D, 0x09].contains(text[offset]) { offset += 1 }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard offset < text.count, text[offset] == UInt8(ascii: character) else { return false }
            offset += 1
            return true
        }

        mutating func take(word: StaticString) -> Bool {
            let count = word.utf8CodeUnitCount
            guard offset + count <= text.count,
                (0..<count).allSatisfy({ text[offset + $0] == word.utf8Start[$0] })
            else { return false }
            offset += count
            return true
        }

        mutating func value(depth: Int) throws(SyntaxError) -> JSON {
            if depth > maximumDepth { throw error("at most \(maximumDepth) levels of nesting") }
            skipSpace()
            if take("{") { return .object(try members(depth: depth)) }
            if take("[") { return .array(try elements(depth: depth)) }
            if take("\"") { return .string(try string()) }
            if take(word: "true") { return .bool(true) }
            if take(word: "false") { return .bool(false) }
            if take(word: "null") { return .null }
            return .number(try number())
        }

        mutating func members(depth: Int) throws(SyntaxError) -> [Member] {
            var members: [Member] = []
            skipSpace()
            if take("}") { return members }
            while true {
                skipSpace()
                guard take("\"") else { throw error("a key in double quotes") }
                let key = try string()
                skipSpace()
                guard take(":") else { throw error("':' after a key") }
                members.append(Member(key: key, value: try value(depth: depth + 1)))
                skipSpace()
                if take("}") { return members }
                guard take(",") else { throw error("',' or '}' after a member") }
            }
        }

        mutating func elements(depth: Int) throws(SyntaxError) -> [JSON] {
            var elements: [JSON] = []
            skipSpace()
            if take("]") { return elements }
            while true {
                elements.append(try value(depth: depth + 1))
                skipSpace()
                if take("]") { return elements }
                guard take(",") else { throw error("',' or ']' after an element") }
            }
        }

        mutating func number() throws(SyntaxError) -> Double {
            let start = offset
            while offset < text.count, isNumberByte(text[offset]) { offset += 1 }
            let digits = String(decoding: text[start..<offset], as: UTF8.self)
            guard let number = Double(digits) else {
                offset = start
                throw error("a value")
            }
            return number
        }

        func isNumberByte(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
        }

        /// The rest of a string whose opening quote has been taken.
        mutating func string() throws(SyntaxError) -> String {
            var start = offset
            var escaped: [UInt8] = []
            while offset < text.count {
                switch text[offset] {
                case UInt8(ascii: "\""):
                    offset += 1
                    if escaped.isEmpty { return String(decoding: text[start..<(offset - 1)], as: UTF8.self) }
                    escaped += text[start..<(offset - 1)]
                    return String(decoding: escaped, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    escaped += text[start..<offset]
                    offset += 1
                    escaped += Array(Character(try escape()).utf8)
                    start = offset
                case 0..<0x20:
                    throw error("an escape in place of a control character")
                default:
                    offset += 1
                }
            }
            throw error("a closing quote")
        }

        mutating func escape() throws(SyntaxError) -> Unicode.Scalar {
            let plain: [(Unicode.Scalar, Unicode.Scalar)] = [
                ("\"", "\""), ("\\", "\\"), ("/", "/"), ("n", "\n"), ("t", "\t"), ("r", "\r"), ("b", "\u{8}"),
                ("f", "\u{C}"),
            ]
            for (letter, scalar) in plain where take(letter) { return scalar }
            guard take("u") else { throw error("an escape of JSON") }
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xDC00, take(word: "\\u") else { throw error("a surrogate pair") }
            let second = try hexadecimal()
            guard (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw error("the second half of a surrogate pair") }
            return scalar
        }

        mutating func hexadecimal() throws(SyntaxError) -> UInt32 {
            let digits = String(decoding: text[offset..<min(offset + 4, text.count)], as: UTF8.self)
            guard digits.utf8.count == 4, let value = UInt32(digits, radix: 16), !digits.hasPrefix("+") else {
                throw error("four hexadecimal digits")
            }
            offset += 4
            return value
        }
    }
}
