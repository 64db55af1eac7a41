/// Reads and writes the elements of a view as float64, whatever their type.
struct ReferenceElements {
    private let view: BufferView
    private let base: UnsafeMutableRawPointer

    init(_ view: BufferView) {
        self.view = view
        self.base = view.buffer.address
    }

    /// Offsets of all elements in row-major order.
    var offsets: [Int] { leadingOffsets(0) }

    /// Offsets of the first element of each block of the last `trailing` dims, in row-major order.
    func leadingOffsets(_ trailing: Int) -> [Int] {
        var offsets = [view.offset]
        for (size, stride) in zip(view.shape, view.strides).dropLast(trailing) {
            offsets = offsets.flatMap { start in (0..<size).map { start + $0 * stride } }
        }
        return offsets
    }

    @inline(__always)
    func load(_ offset: Int) -> Double {
        switch view.dtype {
        case .float64: base.load(fromByteOffset: offset * 8, as: Double.self)
        case .float32: Double(base.load(fromByteOffset: offset * 4, as: Float.self))
        case .bfloat16:
            Double(Float(bitPattern: UInt32(base.load(fromByteOffset: offset * 2, as: UInt16.self)) << 16))
        case .int32: Double(base.load(fromByteOffset: offset * 4, as: Int32.self))
        case .uint8: Double(base.load(fromByteOffset: offset, as: UInt8.self))
        }
    }

    @inline(__always)
    func store(_ value: Double, at offset: Int) {
        switch view.dtype {
        case .float64: base.storeBytes(of: value, toByteOffset: offset * 8, as: Double.self)
        case .float32: base.storeBytes(of: Float(value), toByteOffset: offset * 4, as: Float.self)
        case .bfloat16:
            base.storeBytes(of: BFloat16.bits(Float(value)), toByteOffset: offset * 2, as: UInt16.self)
        case .int32: base.storeBytes(of: Int32(value), toByteOffset: offset * 4, as: Int32.self)
        case .uint8: base.storeBytes(of: UInt8(value), toByteOffset: offset, as: UInt8.self)
        }
    }
}
