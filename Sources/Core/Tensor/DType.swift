/// The element types a tensor can have.
public enum DType: String, Sendable, Hashable, Codable, CaseIterable {
    case float32, bfloat16, float64, int32, uint8

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32, .int32: 4
        case .bfloat16: 2
        case .uint8: 1
        }
    }

    /// Whether values of this type can carry gradients.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .bfloat16, .float64: true
        case .int32, .uint8: false
        }
    }
}
