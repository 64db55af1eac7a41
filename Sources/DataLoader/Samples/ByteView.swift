/// A range of a ``ByteBuffer``: what a column's value is made of. Copying a view copies no bytes.
public struct ByteView: Sendable {
    /// The memory that the view keeps alive.
    public let buffer: ByteBuffer
    /// The bytes of `buffer` that the view covers.
    public let range: Range<Int>

    /// - Precondition: `range` lies inside `buffer`.
    public init(_ buffer: ByteBuffer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "a view must lie inside its buffer")
        self.buffer = buffer
        self.range = range
    }

    /// The number of bytes.
    public var count: Int { range.count }

    /// Calls `body` with the bytes; the pointer must not leave it.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// A copy of the bytes.
    public var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
