/// A tensor to be written: its name, shape and the element type of the stored values.
public struct TensorSpec: Sendable, Hashable {
    public let name: String
    public let shape: [Int]
    public let dtype: DType

    public init(_ name: String, _ shape: [Int], _ dtype: DType) {
        self.name = name
        self.shape = shape
        self.dtype = dtype
    }

    /// Size of the stored values.
    public var byteCount: Int { shape.reduce(dtype.byteCount, *) }
}
