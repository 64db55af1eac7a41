/// The element types of a run's parameters.
public enum Precision: String, Sendable, Hashable, Codable, CaseIterable {
    case float32
    /// Master weights and gradients in float32; layers read and compute in bfloat16.
    case bfloat16
    /// Weights and gradients in bfloat16, without a master copy.
    case bfloat16Pure = "bfloat16-pure"
    /// For the reference backend and for tests.
    case float64

    /// The type of the weights that the optimizer updates, and of their gradients.
    public var master: DType {
        switch self {
        case .float32, .bfloat16: .float32
        case .bfloat16Pure: .bfloat16
        case .float64: .float64
        }
    }

    /// The type that layers read weights and pass activations in.
    public var compute: DType {
        switch self {
        case .float32: .float32
        case .bfloat16, .bfloat16Pure: .bfloat16
        case .float64: .float64
        }
    }
}
