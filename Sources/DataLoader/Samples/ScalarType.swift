/// The number types that a column can hold, with the codes that MDS gives them inside an `ndarray`.
public enum ScalarType: String, Sendable, Hashable, CaseIterable {
    case uint8, int8, uint16, int16, uint32, int32, uint64, int64, float16, float32, float64

    /// The size of one number in bytes.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8: 1
        case .uint16, .int16, .float16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        }
    }

    /// The byte that names the type at the start of an `ndarray` of no declared type.
    public var code: UInt8 {
        switch self {
        case .uint8: 8
        case .int8: 9
        case .uint16: 16
        case .int16: 17
        case .float16: 18
        case .uint32: 32
        case .int32: 33
        case .float32: 34
        case .uint64: 64
        case .int64: 65
        case .float64: 66
        }
    }

    /// The type that `code` names, if any.
    public init?(code: UInt8) {
        guard let type = ScalarType.allCases.first(where: { $0.code == code }) else { return nil }
        self = type
    }

    /// Whether the numbers are floating point.
    public var isFloatingPoint: Bool { self == .float16 || self == .float32 || self == .float64 }
}
