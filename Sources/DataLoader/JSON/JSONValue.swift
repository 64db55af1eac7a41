/// A JSON value that keeps what Foundation's decoder loses: the order of keys, and numbers exactly as written.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number's own text: integers of any size and Python's `NaN`, `Infinity`, `-Infinity` are kept.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Keys in the order written; a repeated key keeps every occurrence, and the last one counts.
    case object([Member])

    /// One key and its value.
    public struct Member: Sendable, Hashable {
        public let key: String
        public let value: JSONValue

        /// A key and its value.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Parses UTF-8 JSON text.
    ///
    /// - Throws: ``JSONError`` with the offset of the first byte that does not fit.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }

    /// Parses JSON text.
    public init(parsing text: String) throws(JSONError) {
        var result: Result<JSONValue, JSONError> = .success(.null)
        var text = text
        text.withUTF8 { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            result = Result { () throws(JSONError) in try JSONValue(parsing: raw) }
        }
        self = try result.get()
    }

    /// An integer.
    public static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    /// The text of a number, nil for anything else.
    public var number: String? {
        if case .number(let text) = self { text } else { nil }
    }

    /// The integer, when this is a number without fraction that fits.
    public var integer: Int? { number.flatMap { Int($0) } }

    /// The text, when this is a string.
    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The elements, when this is an array.
    public var array: [JSONValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    /// The value of `key`, when this is an object that has it.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }
}
