import CKernels

extension BufferView {
    /// The first element, in host memory.
    var address: UnsafeMutableRawPointer { buffer.address + offset * dtype.byteCount }

    func address(plus elements: Int) -> UnsafeMutableRawPointer { address + elements * dtype.byteCount }
}

extension DType {
    /// The element type's number in the C kernels.
    var code: Int32 {
        switch self {
        case .float32: Int32(CK_FLOAT32)
        case .bfloat16: Int32(CK_BFLOAT16)
        case .float64: Int32(CK_FLOAT64)
        case .int32: Int32(CK_INT32)
        case .uint8: Int32(CK_UINT8)
        }
    }
}
