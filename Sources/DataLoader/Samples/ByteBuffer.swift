import Foundation

/// A block of memory that samples point into: a decompressed shard, or a line of a file.
///
/// Written once, while it is being made, and only read afterwards; freed when the last view of it goes.
public final class ByteBuffer: Sendable {
    /// The length in bytes.
    public let count: Int
    // Proof of safety: allocated in init, written only inside init, never changed again, freed in deinit.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    private let capacity: Int
    private let pool: BufferPool?

    /// Allocates `count` bytes and lets `fill` write them.
    ///
    /// - Throws: what `fill` throws; the memory is freed then.
    public convenience init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        try self.init(count: count, pool: nil, fill: fill)
    }

    /// The same, with memory from `pool`, to which it returns.
    init(count: Int, pool: BufferPool?, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        precondition(count >= 0, "a buffer cannot have \(count) bytes")
        self.count = count
        self.pool = pool
        if let pool {
            (base, capacity) = pool.take(count)
        } else {
            capacity = max(count, 1)
            base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        }
        try fill(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// A copy of `bytes`.
    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    deinit {
        if let pool { pool.give(base, capacity: capacity) } else { base.deallocate() }
    }

    /// Calls `body` with the bytes; the pointer must not leave it.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: base, count: count)) }
    }
}
