public import JSON

/// A value to be written into a column.
public enum ColumnValue: Sendable {
    /// Bytes, written as they are under any encoding (as the original does).
    case bytes([UInt8])
    /// Text: `str`, and the decimal encodings.
    case text(String)
    /// One integer: `int`, the integer scalars, `str_int`.
    case integer(Int)
    /// One number: the floating-point scalars.
    case number(Double)
    /// Integers: `ndarray` columns. The shape is one-dimensional unless given.
    case integers([Int32], shape: [Int]? = nil)
    /// Numbers of any size: `ndarray` columns.
    case numbers([Double], shape: [Int]? = nil)
    /// JSON: `json`, as Python's `json.dumps` writes it.
    case json(JSONValue)
}

extension ColumnEncoding {
    /// The bytes of `value` under this encoding, appended to `out`.
    ///
    /// - Throws: ``DataError`` (without the column's name) when the value does not fit the encoding.
    func encode(_ value: ColumnValue, into out: inout [UInt8]) throws {
        let start = out.count
        switch (self, value) {
        case (_, .bytes(let bytes)): out.append(contentsOf: bytes)
        case (.string, .text(let text)), (.decimal, .text(let text)), (.bytes, .text(let text)):
            out.append(contentsOf: text.utf8)
        case (.decimal, .integer(let number)): out.append(contentsOf: String(number).utf8)
        case (.json, .json(let json)): out.append(contentsOf: json.text.utf8)
        case (.int, .integer(let number)): try ScalarType.int64.append(number, to: &out)
        case (.scalar(let type), .integer(let number)): try type.append(number, to: &out)
        case (.scalar(let type), .number(let number)): try type.append(number, to: &out)
        case (.array(let type, let shape), .integers(let values, let given)):
            let stored = type ?? .int32
            try appendHead(stored, declared: type, shape, values.count, given, to: &out)
            if stored == .int32 {
                values.withUnsafeBytes { out.append(contentsOf: $0) }
            } else {
                for value in values { try stored.append(Int(value), to: &out) }
            }
        case (.array(let type, let shape), .numbers(let values, let given)):
            let stored = type ?? .float64
            try appendHead(stored, declared: type, shape, values.count, given, to: &out)
            for value in values { try stored.append(value, to: &out) }
        default:
            throw DataError("a value of encoding \(name) was expected, found \(value)")
        }
        if let size = fixedByteCount, out.count - start != size {
            throw DataError("a value of encoding \(name) takes \(size) bytes, found \(out.count - start)")
        }
    }

    private func appendHead(
        _ stored: ScalarType, declared: ScalarType?, _ declaredShape: [Int]?, _ count: Int, _ given: [Int]?,
        to out: inout [UInt8]
    ) throws {
        let shape = given ?? declaredShape ?? [count]
        guard shape.reduce(1, *) == count, count > 0, shape.count < 64 else {
            throw DataError("\(count) numbers do not fill an array of shape \(shape) (empty arrays cannot be stored)")
        }
        if let declaredShape {
            guard declaredShape == shape else {
                throw DataError("the array has shape \(shape), the column was declared \(declaredShape)")
            }
            return
        }
        if declared == nil { out.append(stored.code) }
        let largest = shape.max() ?? 0
        let width = largest < 1 << 8 ? 0 : largest < 1 << 16 ? 1 : largest < 1 << 32 ? 2 : 3
        out.append(UInt8(shape.count << 2 | width))
        for length in shape {
            for place in 0..<(1 << width) { out.append(UInt8(truncatingIfNeeded: length >> (8 * place))) }
        }
    }
}

extension ScalarType {
    func append(_ number: Int, to out: inout [UInt8]) throws {
        func store<Stored: FixedWidthInteger>(_: Stored.Type) throws {
            guard let value = Stored(exactly: number) else { throw DataError("\(number) does not fit \(rawValue)") }
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        switch self {
        case .uint8: try store(UInt8.self)
        case .int8: try store(Int8.self)
        case .uint16: try store(UInt16.self)
        case .int16: try store(Int16.self)
        case .uint32: try store(UInt32.self)
        case .int32: try store(Int32.self)
        case .uint64: try store(UInt64.self)
        case .int64: try store(Int64.self)
        case .float16, .float32, .float64: try append(Double(number), to: &out)
        }
    }

    func append(_ number: Double, to out: inout [UInt8]) throws {
        switch self {
        case .float16: withUnsafeBytes(of: Float16(number)) { out.append(contentsOf: $0) }
        case .float32: withUnsafeBytes(of: Float(number)) { out.append(contentsOf: $0) }
        case .float64: withUnsafeBytes(of: number) { out.append(contentsOf: $0) }
        default:
            guard let whole = Int(exactly: number) else { throw DataError("\(number) does not fit \(rawValue)") }
            try append(whole, to: &out)
        }
    }
}
