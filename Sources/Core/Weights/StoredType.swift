/// An element type by its safetensors name.
public struct StoredType: Sendable, Hashable, CustomStringConvertible {
    /// The name in the file, e.g. "BF16".
    public let name: String

    /// - Parameter name: the name in the file; unknown names are kept, so that tensors nobody reads do no harm.
    public init(_ name: String) { self.name = name }

    /// The name under which values of `dtype` are written.
    public init(_ dtype: DType) {
        switch dtype {
        case .float64: name = "F64"
        case .float32: name = "F32"
        case .bfloat16: name = "BF16"
        case .int32: name = "I32"
        case .uint8: name = "U8"
        }
    }

    /// Names that `SafeTensorsFile` can read into tensors.
    public static let readable = ["F64", "F32", "BF16", "F16", "I32", "U8"]

    /// The element type that a tensor of these values gets; nil when it cannot be read. F16 becomes float32.
    public var dtype: DType? {
        switch name {
        case "F64": .float64
        case "F32", "F16": .float32
        case "BF16": .bfloat16
        case "I32": .int32
        case "U8": .uint8
        default: nil
        }
    }

    /// Bytes of one stored element; nil for names of unknown size.
    public var byteCount: Int? {
        switch name {
        case "F64", "I64", "U64", "C64": 8
        case "F32", "I32", "U32": 4
        case "BF16", "F16", "I16", "U16": 2
        case "U8", "I8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0": 1
        default: nil
        }
    }

    public var description: String { name }
}
