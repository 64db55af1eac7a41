internal import JSON

/// Arrays of numbers: token ids above all.
extension Column {
    /// The numbers of an array column, widened or narrowed to `Element`.
    ///
    /// Reads `ndarray` in its three forms, `bytes` as packed numbers of `storedAs` (the older text convention of
    /// token data sets: 64-bit integers), `json` arrays, and single integers.
    ///
    /// - Parameters:
    ///   - type: the integer type to return; token ids are `Int32`.
    ///   - storedAs: what `bytes` columns hold.
    /// - Throws: ``SampleError`` when the column is no array of integers or a number does not fit `Element`.
    public func integers<Element: FixedWidthInteger>(
        as type: Element.Type = Int.self, storedAs: ScalarType = .int64
    ) throws -> [Element] {
        switch encoding {
        case .json:
            return try bytes.withUnsafeBytes { try jsonIntegers($0) }
        case .bytes:
            return try numbers(in: 0..<bytes.count, storedAs, as: type)
        case .array:
            let layout = try arrayLayout()
            return try numbers(in: layout.values, layout.type, as: type)
        case .int, .scalar:
            return try numbers(in: 0..<bytes.count, scalarType ?? .int64, as: type)
        default:
            throw wrong(expected: "an array of integers (ndarray, bytes or json)")
        }
    }

    /// The numbers of an array column of any number type, as float64.
    public func doubles() throws -> [Double] {
        switch encoding {
        case .json:
            guard case .array(let values) = try json() else { throw wrong(expected: "a JSON array of numbers") }
            return try values.map {
                guard let text = $0.number, let value = Double(text) else {
                    throw wrong(expected: "a JSON array of numbers")
                }
                return value
            }
        case .array:
            let layout = try arrayLayout()
            return floats(in: layout.values, layout.type)
        default:
            return [try double()]
        }
    }

    /// The number type and the shape of an array column.
    public func arrayShape() throws -> (type: ScalarType, shape: [Int]) {
        let layout = try arrayLayout()
        return (layout.type, layout.shape)
    }

    struct ArrayLayout {
        var type: ScalarType
        var shape: [Int]
        var values: Range<Int>
    }

    func arrayLayout() throws -> ArrayLayout {
        guard case .array(let declaredType, let declaredShape) = encoding else { throw wrong(expected: "an ndarray") }
        return try bytes.withUnsafeBytes { raw in
            var offset = 0
            func byte() throws -> Int {
                guard offset < raw.count else { throw wrong(expected: "the head of an ndarray") }
                defer { offset += 1 }
                return Int(raw[offset])
            }
            var type = declaredType
            if type == nil {
                let code = try byte()
                guard let found = ScalarType(code: UInt8(code)) else {
                    throw failure("\(code) is not the code of a number type")
                }
                type = found
            }
            guard let type else { throw wrong(expected: "an ndarray") }
            var shape = declaredShape ?? []
            if declaredShape == nil {
                let head = try byte()
                let width = 1 << (head & 3)
                for _ in 0..<(head >> 2) {
                    var length: UInt64 = 0
                    for place in 0..<width { length |= UInt64(try byte()) << (8 * UInt64(place)) }
                    shape.append(Int(clamping: length))
                }
            }
            var expected = type.byteCount
            for length in shape {
                let (product, overflow) = expected.multipliedReportingOverflow(by: length)
                guard !overflow else { throw failure("an array of shape \(shape) does not fit in memory") }
                expected = product
            }
            guard raw.count - offset == expected else {
                throw failure("\(raw.count - offset) bytes follow the head, \(type.rawValue)\(shape) needs \(expected)")
            }
            return ArrayLayout(type: type, shape: shape, values: offset..<raw.count)
        }
    }

    func numbers<Element: FixedWidthInteger>(
        in range: Range<Int>, _ type: ScalarType, as: Element.Type
    ) throws -> [Element] {
        switch type {
        case .uint8: try load(UInt8.self, range)
        case .int8: try load(Int8.self, range)
        case .uint16: try load(UInt16.self, range)
        case .int16: try load(Int16.self, range)
        case .uint32: try load(UInt32.self, range)
        case .int32: try load(Int32.self, range)
        case .uint64: try load(UInt64.self, range)
        case .int64: try load(Int64.self, range)
        case .float16, .float32, .float64: throw wrong(expected: "integers, not \(type.rawValue)")
        }
    }

    private func load<Stored: FixedWidthInteger, Element: FixedWidthInteger>(
        _: Stored.Type, _ range: Range<Int>
    ) throws -> [Element] {
        let width = MemoryLayout<Stored>.size
        guard range.count % width == 0 else {
            throw failure("\(range.count) bytes are not a whole number of \(Stored.self) values of \(width) bytes")
        }
        return try bytes.withUnsafeBytes { raw in
            let source = UnsafeRawBufferPointer(rebasing: raw[range])
            return try [Element](unsafeUninitializedCapacity: range.count / width) { out, count in
                count = range.count / width
                guard let from = source.baseAddress, let to = out.baseAddress else { return }
                if Stored.self == Element.self {
                    UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: range.count)
                    return
                }
                for place in 0..<count {
                    let value = from.loadUnaligned(fromByteOffset: place * width, as: Stored.self)
                    guard let narrowed = Element(exactly: value) else {
                        throw failure("element \(place) is \(value), which does not fit \(Element.self)")
                    }
                    out[place] = narrowed
                }
            }
        }
    }

    func floats(in range: Range<Int>, _ type: ScalarType) -> [Double] {
        bytes.withUnsafeBytes { raw in
            stride(from: range.lowerBound, to: range.upperBound, by: type.byteCount).map { offset in
                switch type {
                case .uint8: Double(raw[offset])
                case .int8: Double(Int8(bitPattern: raw[offset]))
                case .uint16: Double(raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                case .int16: Double(raw.loadUnaligned(fromByteOffset: offset, as: Int16.self))
                case .uint32: Double(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                case .int32: Double(raw.loadUnaligned(fromByteOffset: offset, as: Int32.self))
                case .uint64: Double(raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                case .int64: Double(raw.loadUnaligned(fromByteOffset: offset, as: Int64.self))
                case .float16: Double(raw.loadUnaligned(fromByteOffset: offset, as: Float16.self))
                case .float32: Double(raw.loadUnaligned(fromByteOffset: offset, as: Float.self))
                case .float64: raw.loadUnaligned(fromByteOffset: offset, as: Double.self)
                }
            }
        }
    }

    private func jsonIntegers<Element: FixedWidthInteger>(_ raw: UnsafeRawBufferPointer) throws -> [Element] {
        var values: [Element] = []
        var parser = JSONParser(raw)
        do {
            try parser.integers(into: &values)
        } catch {
            throw failure("expected a JSON array of integers that fit \(Element.self): \(error)")
        }
        return values
    }
}
