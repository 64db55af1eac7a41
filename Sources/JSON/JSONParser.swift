/// A recursive-descent JSON reader over bytes (RFC 8259, and Python's `NaN` and `Infinity`).
package struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0
    private var depth = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private func failure(_ expected: String) -> JSONError { JSONError(offset: offset, expected: expected) }

    package var isAtEnd: Bool { offset == bytes.count }

    package mutating func advance(by count: Int = 1) { offset += count }

    package var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    package mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        offset += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard bytes.count - offset >= length else { return false }
        for place in 0..<length where bytes[offset + place] != word.utf8Start[place] { return false }
        offset += length
        return true
    }

    /// One value and nothing after it.
    package mutating func document() throws(JSONError) -> JSONValue {
        let result = try value()
        skipSpace()
        guard offset == bytes.count else { throw failure("the end of the text") }
        return result
    }

    package mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            var members: [JSONValue.Member] = []
            try object { (parser, key) throws(JSONError) in
                members.append(JSONValue.Member(key, try parser.value()))
            }
            return .object(members)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try list { (parser) throws(JSONError) in values.append(try parser.value()) }
            return .array(values)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where take(word: "true"): return .bool(true)
        case UInt8(ascii: "f") where take(word: "false"): return .bool(false)
        case UInt8(ascii: "n") where take(word: "null"): return .null
        default: return .number(try number())
        }
    }

    /// An object; `body` must consume the value of each key.
    package mutating func object(
        _ body: (inout JSONParser, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        skipSpace()
        guard take(UInt8(ascii: "{")) else { throw failure("\"{\"") }
        try enter()
        defer { depth -= 1 }
        skipSpace()
        if take(UInt8(ascii: "}")) { return }
        try members(body)
    }

    /// The members of an object from a key on, and the closing brace.
    package mutating func members(
        _ body: (inout JSONParser, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a key in double quotes") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("\":\"") }
            try body(&self, key)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("\",\" or \"}\"") }
    }

    /// A list; `body` must consume each element.
    package mutating func list(_ body: (inout JSONParser) throws(JSONError) -> Void) throws(JSONError) {
        skipSpace()
        guard take(UInt8(ascii: "[")) else { throw failure("\"[\"") }
        try enter()
        defer { depth -= 1 }
        skipSpace()
        if take(UInt8(ascii: "]")) { return }
        repeat {
            try body(&self)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("\",\" or \"]\"") }
    }

    /// Deep nesting would overflow the stack, and no data set needs it.
    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= 512 else { throw failure("at most 512 nested values") }
    }

    /// An array of integers, without a value object for each: token ids come by the million.
    package mutating func integers<Element: FixedWidthInteger>(into values: inout [Element]) throws(JSONError) {
        try list { (parser) throws(JSONError) in
            parser.skipSpace()
            let negative = parser.take(UInt8(ascii: "-"))
            let start = parser.offset
            var value: Element = 0
            while let byte = parser.next, byte >= 0x30, byte <= 0x39 {
                let digit = Element(truncatingIfNeeded: byte - 0x30)
                let (scaled, tooLarge) = value.multipliedReportingOverflow(by: 10)
                let (sum, overflow) =
                    negative
                    ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
                guard !tooLarge, !overflow else { throw parser.failure("an integer that fits") }
                value = sum
                parser.offset += 1
            }
            guard parser.offset > start else { throw parser.failure("an integer") }
            values.append(value)
        }
        skipSpace()
        guard offset == bytes.count else { throw failure("the end of the array of integers") }
    }

    private mutating func number() throws(JSONError) -> String {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        if !take(word: "Infinity") && !(offset == start && take(word: "NaN")) {
            try digits()
            if take(UInt8(ascii: ".")) { try digits() }
            if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                try digits()
            }
        }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    }

    /// A plain integer of at most 18 digits, without building its text.
    package mutating func integer() throws(JSONError) -> Int {
        skipSpace()
        let start = offset
        var value = 0
        while offset - start < 18, let byte = next, byte >= 0x30, byte <= 0x39 {
            value = value * 10 + Int(byte - 0x30)
            offset += 1
        }
        guard offset > start else { throw failure("an integer") }
        return value
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = next, byte >= 0x30, byte <= 0x39 { offset += 1 }
        guard offset > start else { throw failure("a JSON value") }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        var text: [UInt8] = []
        if next != UInt8(ascii: "\"") { text.append(contentsOf: bytes[start..<offset]) }
        let plainEnd = offset
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw failure("an escaped control character") }
            offset += 1
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        let plain = offset == plainEnd
        guard next == UInt8(ascii: "\"") else { throw failure("the closing quote of a string") }
        defer { offset += 1 }
        let result =
            plain
            ? String(validating: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
            : String(validating: text, as: UTF8.self)
        guard let result else { throw JSONError(offset: start, expected: "UTF-8 text") }
        return result
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw failure("an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hex()
            if code & 0xFC00 == 0xD800, take(word: "\\u") {
                let low = try hex()
                if low & 0xFC00 == 0xDC00 {
                    code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
                } else {
                    text.append(contentsOf: "\u{FFFD}".utf8)
                    code = low
                }
            }
            // A lone surrogate has no UTF-8 form; the replacement character stands for it.
            text.append(contentsOf: String(Unicode.Scalar(code).map(Character.init) ?? "\u{FFFD}").utf8)
        default:
            offset -= 1
            throw failure("one of the escapes \" \\ / b f n r t u")
        }
    }

    private mutating func hex() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }
}
