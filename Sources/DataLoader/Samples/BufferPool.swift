import Synchronization

/// Keeps one freed block for the next buffer: fresh pages cost the kernel a tenth of what decompressing into them does.
final class BufferPool: Sendable {
    private struct Block: @unchecked Sendable {
        // Proof of safety: a block is owned by the pool alone between `give` and `take`.
        let base: UnsafeMutableRawPointer
        let capacity: Int
    }

    private let spare = Mutex<Block?>(nil)

    deinit { spare.withLock { $0?.base.deallocate() } }

    /// A block of at least `count` bytes and at most twice as many.
    func take(_ count: Int) -> (base: UnsafeMutableRawPointer, capacity: Int) {
        let reused = spare.withLock { spare -> Block? in
            let fits = spare.map { $0.capacity >= count && $0.capacity <= 2 * count } ?? false
            // A block of another size is given up first, so that memory never holds both.
            defer { spare = nil }
            if !fits { spare?.base.deallocate() }
            return fits ? spare : nil
        }
        if let reused { return (reused.base, reused.capacity) }
        return (UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64), max(count, 1))
    }

    func give(_ base: UnsafeMutableRawPointer, capacity: Int) {
        let block = Block(base: base, capacity: capacity)
        let surplus = spare.withLock { spare -> Block? in
            defer { spare = block }
            return spare
        }
        surplus?.base.deallocate()
    }
}
