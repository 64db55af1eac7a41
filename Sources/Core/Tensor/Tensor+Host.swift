extension Runtime {
    /// A tensor with the given values in row-major order.
    public func tensor(_ values: [Float], _ shape: [Int]) -> Tensor { upload(values, shape, .float32) }
    /// A tensor with the given values in row-major order.
    public func tensor(_ values: [Double], _ shape: [Int]) -> Tensor { upload(values, shape, .float64) }
    /// A tensor with the given values in row-major order.
    public func tensor(_ values: [Int32], _ shape: [Int]) -> Tensor { upload(values, shape, .int32) }
    /// Values rounded to `dtype`.
    public func tensor(_ values: [Double], _ shape: [Int], _ dtype: DType) -> Tensor {
        tensor(values, shape).cast(to: dtype)
    }

    private func upload<Element>(_ values: [Element], _ shape: [Int], _ dtype: DType) -> Tensor {
        precondition(values.count == shape.reduce(1, *), "tensor: \(values.count) values do not fill \(shape)")
        let tensor = empty(shape, dtype)
        values.withUnsafeBytes { backend.copy(.toDevice($0, tensor.view)) }
        return tensor
    }
}

extension Tensor {
    /// The values as an array in row-major order (waits for the backend).
    public func doubles() -> [Double] { download(.float64, zero: 0) }
    /// The values as an array in row-major order (waits for the backend).
    public func floats() -> [Float] { download(.float32, zero: 0) }
    /// The values as an array in row-major order (waits for the backend).
    public func int32s() -> [Int32] { download(.int32, zero: 0) }

    /// The only element of a tensor of one element (waits for the backend).
    public func item() -> Double {
        precondition(elementCount == 1, "item: the tensor has shape \(shape), not one element")
        return doubles()[0]
    }

    private func download<Element>(_ dtype: DType, zero: Element) -> [Element] {
        let source = cast(to: dtype).contiguous()
        var values = [Element](repeating: zero, count: elementCount)
        values.withUnsafeMutableBytes { runtime.backend.copy(.toHost(source.view, $0)) }
        return values
    }
}
