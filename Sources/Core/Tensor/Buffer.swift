/// Memory that a backend handed out; it returns to its owner when the last view is gone.
///
/// Only `Backend` implementations and file mappings look at `address`; everything above speaks in `BufferView`s.
/// A buffer belongs to one rank's thread of control, so it is not `Sendable`.
public final class Buffer {
    /// Where the memory starts, in the address space of the backend that made it.
    public let address: UnsafeMutableRawPointer
    /// Size in bytes.
    public let byteCount: Int
    private let release: (UnsafeMutableRawPointer) -> Void

    /// - Parameters:
    ///   - address: the start of the memory.
    ///   - byteCount: its size in bytes.
    ///   - release: called once with `address` when nothing refers to the buffer any more.
    public init(
        address: UnsafeMutableRawPointer, byteCount: Int, release: @escaping (UnsafeMutableRawPointer) -> Void
    ) {
        self.address = address
        self.byteCount = byteCount
        self.release = release
    }

    deinit { release(address) }
}
