import DataLoader
import Foundation
import JSON

/// A field of a line, to be stored in a column.
struct FieldValue {
    private let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// The encoding that holds this value best: text, a number, a flat list of numbers, or else JSON.
    var encoding: ColumnEncoding {
        switch value {
        case .string: return .string
        case .number: return value.integer != nil ? .int : .scalar(.float64)
        case .array(let values):
            // Empty arrays have no form in an ndarray.
            guard !values.isEmpty, values.allSatisfy({ $0.number != nil }) else { return .json }
            if values.allSatisfy({ $0.integer.map { Int32(exactly: $0) != nil } ?? false }) {
                return .array(.int32, shape: nil)
            }
            // A float64 holds integers up to 2^53 exactly; larger ones are kept as they are written.
            let fits = values.allSatisfy { $0.integer.map { abs($0) <= 1 << 53 } ?? ($0.double != nil) }
            return fits ? .array(.float64, shape: nil) : .json
        case .null, .bool, .object: return .json
        }
    }

    /// The value in the form that `encoding` takes.
    /// - Throws: `DataError` when it does not fit.
    func stored(as encoding: ColumnEncoding) throws -> ColumnValue {
        switch (encoding, value) {
        case (.json, _): return .json(value)
        case (.bytes, .object), (.opaque, .object): return .bytes(try base64(encoding))
        case (.string, .string(let text)), (.bytes, .string(let text)), (.decimal, .string(let text)): return .text(text)
        case (.decimal, .number(let text)): return .text(text)
        case (.int, .number), (.scalar, .number):
            if case .scalar(let type) = encoding, type.isFloatingPoint { return .number(value.double ?? .nan) }
            guard let number = value.integer else { throw wrong(encoding) }
            return .integer(number)
        case (.array(let type, _), .array): return try array(type, encoding)
        default: throw wrong(encoding)
        }
    }

    private func array(_ type: ScalarType?, _ encoding: ColumnEncoding) throws -> ColumnValue {
        var shape: [Int] = []
        var level = value
        while let values = level.array {
            shape.append(values.count)
            guard let first = values.first else { break }
            level = first
        }
        var leaves: [JSONValue] = []
        guard collect(value, shape[...], into: &leaves) else { throw wrong(encoding) }
        if type?.isFloatingPoint != true {
            let integers = leaves.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
            if integers.count == leaves.count { return .integers(integers, shape: shape) }
        }
        let numbers = leaves.compactMap(\.double)
        guard numbers.count == leaves.count else { throw wrong(encoding) }
        return .numbers(numbers, shape: shape)
    }

    /// The numbers of a nested list of one shape, in order; false when it is ragged.
    private func collect(_ value: JSONValue, _ shape: ArraySlice<Int>, into leaves: inout [JSONValue]) -> Bool {
        guard let length = shape.first else {
            leaves.append(value)
            return value.number != nil
        }
        guard let values = value.array, values.count == length else { return false }
        return values.allSatisfy { collect($0, shape.dropFirst(), into: &leaves) }
    }

    private func base64(_ encoding: ColumnEncoding) throws -> [UInt8] {
        guard let text = value["base64"]?.string, let data = Data(base64Encoded: text) else { throw wrong(encoding) }
        return [UInt8](data)
    }

    private func wrong(_ encoding: ColumnEncoding) -> DataError {
        let expected = switch encoding {
        case .bytes, .opaque: "{\"base64\": ...}"
        case .string: "text"
        case .int, .scalar, .decimal: "a number that fits"
        case .array: "a list of numbers (nested lists of equal lengths for more dimensions)"
        case .json: "a value"
        }
        return DataError("found \(value.text.prefix(60)), expected \(expected) for \(encoding.name)")
    }
}
