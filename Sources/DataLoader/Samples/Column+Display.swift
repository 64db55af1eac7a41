public import JSON

internal import Foundation

extension Column {
    /// The value as JSON for people and scripts: text, numbers, nested lists of an array's shape, JSON as it is, and
    /// `{"base64": ...}` for bytes and for whatever does not hold what its encoding promises.
    public func display() -> JSONValue {
        do {
            return try decoded()
        } catch {
            return base64
        }
    }

    private var base64: JSONValue {
        .object([JSONValue.Member("base64", .string(Data(bytes.array).base64EncodedString()))])
    }

    private func decoded() throws -> JSONValue {
        switch encoding {
        case .bytes, .opaque: return base64
        case .string, .decimal(.decimal): return .string(try string())
        case .decimal(.int): return .number(try string())
        case .decimal(.float): return .number(Column.text(try double()))
        case .json: return try json()
        case .int, .scalar:
            let type = scalarType ?? .int64
            guard bytes.count == type.byteCount else { throw wrong(expected: "one \(type.rawValue)") }
            return Column.texts(try elements(0..<bytes.count, type))[0]
        case .array:
            let layout = try arrayLayout()
            var values = Column.texts(try elements(layout.values, layout.type))[...]
            return Column.nested(layout.shape[...], &values)
        }
    }

    private enum Elements {
        case signed([Int64])
        case unsigned([UInt64])
        case floating([Double])
    }

    private func elements(_ range: Range<Int>, _ type: ScalarType) throws -> Elements {
        switch type {
        case .float16, .float32, .float64: .floating(floats(in: range, type))
        case .uint64: .unsigned(try numbers(in: range, type, as: UInt64.self))
        default: .signed(try numbers(in: range, type, as: Int64.self))
        }
    }

    private static func texts(_ elements: Elements) -> [JSONValue] {
        switch elements {
        case .signed(let values): values.map { .number(String($0)) }
        case .unsigned(let values): values.map { .number(String($0)) }
        case .floating(let values): values.map { .number(text($0)) }
        }
    }

    /// The shortest text that reads back as the same float64, with Python's names for the others.
    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return "\(value)"
    }

    private static func nested(_ shape: ArraySlice<Int>, _ values: inout ArraySlice<JSONValue>) -> JSONValue {
        guard let length = shape.first else { return values.popFirst() ?? .null }
        return .array((0..<length).map { _ in nested(shape.dropFirst(), &values) })
    }
}

extension Sample {
    /// The sample as one JSON object, columns in stored order; see ``Column/display()``.
    public func display() -> JSONValue {
        .object(columns.map { JSONValue.Member($0.name, $0.display()) })
    }
}
