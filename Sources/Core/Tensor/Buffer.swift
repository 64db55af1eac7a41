/// Memory that a backend handed out; it returns to its owner when the last view is gone.
///
/// Only `Backend` implementations and file mappings look at `address`; everything above speaks in `BufferView`s.
/// A buffer belongs to one rank's thread of control, so it is not `Sendable`.
public final class Buffer {
    /// Size in bytes.
    public let byteCount: Int
    /// Nil while the buffer is unloaded.
    private var start: UnsafeMutableRawPointer?
    private var release: (UnsafeMutableRawPointer) -> Void

    /// - Parameters:
    ///   - address: the start of the memory.
    ///   - byteCount: its size in bytes.
    ///   - release: called once with `address` when nothing refers to the buffer any more, or when it is unloaded.
    public init(
        address: UnsafeMutableRawPointer, byteCount: Int, release: @escaping (UnsafeMutableRawPointer) -> Void
    ) {
        start = address
        self.byteCount = byteCount
        self.release = release
    }

    deinit { if let start { release(start) } }

    /// Where the memory starts, in the address space of the backend that made it.
    ///
    /// Precondition: the buffer is loaded.
    public var address: UnsafeMutableRawPointer {
        guard let start else { preconditionFailure("buffer: \(byteCount) bytes are used while they are unloaded") }
        return start
    }

    public var isLoaded: Bool { start != nil }

    /// Gives the memory back, and with it what it held. Views stay, and may be used again after `load`: so a weight that
    /// is divided over ranks keeps its place in layers and graphs while its whole is not there.
    public func unload() {
        if let start { release(start) }
        start = nil
    }

    /// Takes memory again, whose contents are undefined. Nothing happens while the buffer is loaded.
    public func load(from backend: any Backend) {
        if start != nil { return }
        let fresh = backend.allocate(byteCount: byteCount)
        (start, release) = (fresh.start, fresh.release)
        fresh.start = nil
    }
}
