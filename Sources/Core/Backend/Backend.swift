/// Where operations run. Six requirements; operations are data, so a backend sees what it is asked to do.
///
/// A backend is used by one rank's thread of control. Calls may return before the work is done; `synchronize` and host
/// copies wait. What `supports` denies, `Runtime` composes from the primitive operations, which every backend must
/// support (`Operation.isPrimitive`).
public protocol Backend: AnyObject {
    /// What the machine behind the backend can do.
    var capabilities: Capabilities { get }
    /// Memory of `byteCount` bytes, contents undefined, aligned to 64 bytes.
    func allocate(byteCount: Int) -> Buffer
    /// Moves bytes between the host and a contiguous view of the same element type; waits until done.
    func copy(_ transfer: Transfer)
    /// Whether `run` accepts the operation as it is (its kind, element types and layouts).
    func supports(_ operation: Operation) -> Bool
    /// Enqueues the operation. Precondition: `supports(operation)`.
    func run(_ operation: Operation)
    /// Waits until everything enqueued is done.
    func synchronize()
}

/// A copy between the host and a backend's memory.
public enum Transfer {
    case toDevice(UnsafeRawBufferPointer, BufferView)
    case toHost(BufferView, UnsafeMutableRawBufferPointer)
}

/// What a backend can do and what its memory looks like.
public struct Capabilities: Sendable {
    /// A name for logs and `doctor`, e.g. "cpu" or "reference".
    public var name: String
    /// Element types in which matrix products run at full speed.
    public var fastTypes: [DType]
    /// Whether `Buffer.address` can be read by the host, so that files may be mapped instead of copied.
    public var usesHostMemory: Bool
    /// Threads that one operation is spread over.
    public var threadCount: Int
    /// Bytes that are in use now.
    public var usedByteCount: Int
    /// Highest number of bytes that were in use at once.
    public var peakByteCount: Int
    /// Which library takes which matrix products; nil when there is no choice.
    public var products: ProductChoices?

    public init(
        name: String, fastTypes: [DType], usesHostMemory: Bool, threadCount: Int, usedByteCount: Int,
        peakByteCount: Int, products: ProductChoices? = nil
    ) {
        self.name = name
        self.fastTypes = fastTypes
        self.usesHostMemory = usesHostMemory
        self.threadCount = threadCount
        self.usedByteCount = usedByteCount
        self.peakByteCount = peakByteCount
        self.products = products
    }
}
