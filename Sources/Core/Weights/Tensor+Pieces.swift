extension Tensor {
    /// Hands out the values as host bytes in row-major order, cast to `dtype`, piece by piece.
    /// - Parameters:
    ///   - dtype: the element type of the bytes.
    ///   - byteCount: pieces are about this large; a longer row of a tensor with gaps is a piece of its own.
    ///   - body: receives each piece and its offset in bytes.
    func forEachPiece(
        as dtype: DType, byteCount: Int = 1 << 24, _ body: ([UInt8], Int) throws -> Void
    ) rethrows {
        if elementCount == 0 { return }
        // Dense values are cut anywhere; a large vector or a tensor of few long rows needs no large piece then.
        let rows = view.isContiguous ? Tensor(view.reshaped(to: [elementCount]), runtime) : self
        let rowBytes = rows.elementCount / rows.shape[0] * dtype.byteCount
        let rowsPerPiece = max(1, byteCount / rowBytes)
        for first in stride(from: 0, to: rows.shape[0], by: rowsPerPiece) {
            let range = first..<min(first + rowsPerPiece, rows.shape[0])
            let piece = Tensor(rows.view.sliced(dim: 0, range), runtime).cast(to: dtype).contiguous()
            let byteCount = range.count * rowBytes
            let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { capacity, count in
                count = byteCount
                let target = UnsafeMutableRawBufferPointer(start: capacity.baseAddress, count: byteCount)
                runtime.backend.copy(.toHost(piece.view, target))
            }
            try body(bytes, first * rowBytes)
        }
    }
}
