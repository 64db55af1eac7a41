import CKernels

extension CPUBackend {
    /// Reads a contiguous view once on all threads, for measuring how fast that is.
    /// - Returns: the exclusive or of its 64-bit words.
    @discardableResult
    public func readThrough(_ view: BufferView) -> UInt64 {
        precondition(view.isContiguous, "read: the view has gaps")
        let bytes = view.elementCount * view.dtype.byteCount
        let piece = 1 << 20
        let count = (bytes + piece - 1) / piece
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(count, 1)) { results in
            results.initialize(repeating: 0)
            let to = results.baseAddress
            pool.parallel(count) { index, _ in
                to?[index] = ck_read(view.address + index * piece, Int64(min(piece, bytes - index * piece)))
            }
            return results.reduce(0, ^)
        }
    }
}
