/// A backend that computes nothing and counts the memory that another one would take.
///
/// The same model and trainer code runs over it, so the peak of a training step is known for any model, precision,
/// recomputation and batch before memory is there. Operations are given to a `CPUBackend` whose threads are idle and
/// whose allocator hands out addresses without memory: it takes the scratch memory of each operation and keeps freed
/// blocks as the real one does. What the host reads is 0.
public final class CountingBackend: Backend {
    private let blocks = CountedBlocks()
    private let allocator: CachingAllocator
    /// Nil for the reference backend, whose operations need no buffers of their own.
    private let idle: CPUBackend?
    private let reference = ReferenceBackend()
    /// Bytes of the buffers that are alive.
    public private(set) var byteCount = 0
    /// The most bytes that buffers had at once.
    public private(set) var peakBufferByteCount = 0
    /// The most bytes that were taken at once: buffers, what operations had for their own duration, and freed blocks
    /// that waited for their next use.
    public var peakByteCount: Int { blocks.peak }

    private init(_ makeIdle: (CachingAllocator) -> CPUBackend?) {
        allocator = CachingAllocator(blocks)
        idle = makeIdle(allocator)
    }

    /// Counts what a `CPUBackend` takes.
    /// - Parameter threads: of the counted backend; each has scratch memory of its own.
    public static func cpu(threads: Int) -> CountingBackend {
        CountingBackend { CPUBackend(idleThreads: threads, allocator: $0) }
    }

    /// Counts the buffers of a `ReferenceBackend`; lists that it makes while it computes are not counted.
    public static func reference() -> CountingBackend { CountingBackend { _ in nil } }

    public var capabilities: Capabilities { idle?.capabilities ?? reference.capabilities }

    public func allocate(byteCount: Int) -> Buffer {
        self.byteCount += byteCount
        peakBufferByteCount = max(peakBufferByteCount, self.byteCount)
        let counted = allocator.allocate(byteCount)
        return Buffer(address: counted.address, byteCount: byteCount) { [weak self] _ in
            withExtendedLifetime(counted) { self?.byteCount -= byteCount }
        }
    }

    public func copy(_ transfer: Transfer) {
        if case .toHost(_, let bytes) = transfer { bytes.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    public func supports(_ operation: Operation) -> Bool { (idle ?? reference as any Backend).supports(operation) }

    public func run(_ operation: Operation) { idle?.run(operation) }

    public func synchronize() {}
}
