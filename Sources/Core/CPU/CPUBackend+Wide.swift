extension CPUBackend {
    /// A dense float32 array for the duration of an operation.
    func temporary(_ shape: [Int]) -> BufferView {
        BufferView(buffer: allocate(byteCount: shape.reduce(4, *)), shape: shape, dtype: .float32)
    }

    /// The view itself when it is float32, else a float32 copy.
    func widened(_ view: BufferView) -> BufferView {
        if view.dtype == .float32 { return view }
        let wide = temporary(view.shape)
        copy(from: view, to: wide)
        return wide
    }

    /// As `widened`, with the elements next to each other.
    func denseFloats(_ view: BufferView) -> BufferView {
        if view.dtype == .float32 && view.isContiguous { return view }
        let dense = temporary(view.shape)
        copy(from: view, to: dense)
        return dense
    }
}

extension BufferView {
    /// The first element of a float32 view.
    var floats: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }

    /// Whether the elements of each row (the last dim) are next to each other.
    var hasDenseRows: Bool { shape.isEmpty || strides[dimCount - 1] == 1 || shape[dimCount - 1] <= 1 }
}
