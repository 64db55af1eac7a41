public import JSON

/// One column of a sample: a name, an encoding, and bytes that are decoded only when asked for.
///
/// MDS lets a writer put bytes under any encoding, so every accessor checks what it finds and throws ``SampleError``.
public struct Column: Sendable {
    /// The column's name.
    public let name: String
    /// How the bytes are to be read.
    public let encoding: ColumnEncoding
    /// The value as it is stored.
    public let bytes: ByteView
    let sample: @Sendable () -> String

    func failure(_ problem: String) -> SampleError {
        SampleError(sample: sample(), column: name, problem: problem)
    }

    func wrong(expected: String) -> SampleError {
        failure("found \(bytes.count) bytes of encoding \(encoding.name), expected \(expected)")
    }

    /// Text: of `str` and the decimal encodings as it is, of `bytes` as UTF-8, of `json` when the value is a string.
    public func string() throws -> String {
        switch encoding {
        case .string, .bytes, .decimal:
            let text = bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
            guard let text else { throw wrong(expected: "UTF-8 text") }
            return text
        case .json:
            guard case .string(let text) = try jsonText() else { throw wrong(expected: "a JSON string") }
            return text
        default:
            throw wrong(expected: "text (str, bytes or json)")
        }
    }

    /// One integer: of `int`, the integer scalars, `str_int` and `json`.
    public func integer() throws -> Int {
        switch encoding {
        case .decimal(.int), .json:
            let text = try encoding == .json ? jsonText().number : string()
            guard let text, let value = Int(text) else { throw wrong(expected: "an integer of at most 64 bits") }
            return value
        case .int, .scalar:
            let type = scalarType ?? .int64
            guard !type.isFloatingPoint, bytes.count == type.byteCount else { throw wrong(expected: "one integer") }
            guard let value = try numbers(in: 0..<bytes.count, type, as: Int.self).first else {
                throw wrong(expected: "one integer")
            }
            return value
        default:
            throw wrong(expected: "an integer")
        }
    }

    /// One number: of every scalar encoding, the decimal texts and `json`.
    public func double() throws -> Double {
        switch encoding {
        case .decimal, .json:
            let text = try encoding == .json ? jsonText().number : string()
            guard let text, let value = Double(text) else { throw wrong(expected: "a number") }
            return value
        case .int, .scalar:
            let type = scalarType ?? .int64
            guard bytes.count == type.byteCount, let value = floats(in: 0..<bytes.count, type).first else {
                throw wrong(expected: "one number")
            }
            return value
        default:
            throw wrong(expected: "a number")
        }
    }

    /// The value as JSON, for `json` columns; other encodings throw (``display()`` turns any column into JSON).
    public func json() throws -> JSONValue {
        guard encoding == .json else { throw wrong(expected: "json") }
        return try jsonText()
    }

    var scalarType: ScalarType? {
        switch encoding {
        case .int: .int64
        case .scalar(let type): type
        default: nil
        }
    }

    private func jsonText() throws -> JSONValue {
        do {
            return try bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch {
            throw failure("the bytes are not JSON: \(error)")
        }
    }
}
