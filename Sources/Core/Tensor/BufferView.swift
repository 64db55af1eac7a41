/// A strided window on a buffer: what operations read and write.
///
/// A stride of 0 repeats the same elements along that dim (broadcast). Strides and offset count elements, not bytes.
public struct BufferView {
    public let buffer: Buffer
    /// First element, counted in elements of `dtype` from the buffer's start.
    public let offset: Int
    public let shape: [Int]
    public let strides: [Int]
    public let dtype: DType

    public init(buffer: Buffer, offset: Int = 0, shape: [Int], strides: [Int]? = nil, dtype: DType) {
        self.buffer = buffer
        self.offset = offset
        self.shape = shape
        self.strides = strides ?? BufferView.rowMajorStrides(shape)
        self.dtype = dtype
        precondition(self.strides.count == shape.count, "view: \(shape.count) dims but \(self.strides.count) strides")
    }

    public var dimCount: Int { shape.count }
    public var elementCount: Int { shape.reduce(1, *) }

    /// Whether the elements lie in row-major order without gaps; so do those of an empty view.
    public var isContiguous: Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for dim in shape.indices.reversed() where shape[dim] != 1 {
            if strides[dim] != expected { return false }
            expected *= shape[dim]
        }
        return true
    }

    /// Strides of a dense row-major array of `shape`.
    public static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for dim in shape.indices.dropLast().reversed() {
            strides[dim] = strides[dim + 1] * max(shape[dim + 1], 1)
        }
        return strides
    }

    /// The same elements under another shape; needs a contiguous view.
    public func reshaped(to newShape: [Int]) -> BufferView {
        precondition(
            newShape.reduce(1, *) == elementCount, "reshape: \(shape) has \(elementCount) elements, \(newShape) has not")
        precondition(isContiguous, "reshape: a view with strides \(strides) of shape \(shape) is not contiguous")
        return BufferView(buffer: buffer, offset: offset, shape: newShape, dtype: dtype)
    }

    /// Two dims exchanged.
    public func transposed(_ a: Int, _ b: Int) -> BufferView {
        var (shape, strides) = (shape, strides)
        shape.swapAt(a, b)
        strides.swapAt(a, b)
        return BufferView(buffer: buffer, offset: offset, shape: shape, strides: strides, dtype: dtype)
    }

    /// The part `range` of dim `dim`.
    public func sliced(dim: Int, _ range: Range<Int>) -> BufferView {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[dim], "slice: \(range) is outside dim \(dim) of \(shape)")
        var shape = shape
        shape[dim] = range.count
        return BufferView(
            buffer: buffer, offset: offset + range.lowerBound * strides[dim], shape: shape, strides: strides,
            dtype: dtype)
    }

    /// Repeats dims of size 1 (and missing leading dims) until the shape is `target`.
    public func broadcast(to target: [Int]) -> BufferView {
        let missing = target.count - shape.count
        precondition(missing >= 0, "broadcast: \(shape) has more dims than \(target)")
        var newStrides = [Int](repeating: 0, count: target.count)
        for dim in shape.indices {
            let goal = target[dim + missing]
            precondition(
                shape[dim] == goal || shape[dim] == 1, "broadcast: dim \(dim) of \(shape) does not fit \(target)")
            newStrides[dim + missing] = shape[dim] == goal ? strides[dim] : 0
        }
        return BufferView(buffer: buffer, offset: offset, shape: target, strides: newStrides, dtype: dtype)
    }
}
