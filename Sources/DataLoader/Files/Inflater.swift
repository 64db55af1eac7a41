internal import CZlib

/// gzip decompression of a stream, in pieces of 256 KiB.
final class Inflater {
    // zlib keeps a pointer to the stream, so it must not move: it lives on the heap.
    private let stream: UnsafeMutablePointer<z_stream>
    private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    /// Whether the input so far ends at the end of a gzip member.
    private(set) var isComplete = true

    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib cannot start: code \(code)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        chunk.deallocate()
    }

    func update(_ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        var isFull = false
        while stream.pointee.avail_in > 0 || isFull {
            if isComplete {
                inflateReset(stream)
                isComplete = false
            }
            stream.pointee.next_out = chunk.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(chunk.count)
            let code = inflate(stream, Z_NO_FLUSH)
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw Damage(problem: "gzip: \(stream.pointee.msg.map { String(cString: $0) } ?? "code \(code)")")
            }
            let count = chunk.count - Int(stream.pointee.avail_out)
            try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            isComplete = code == Z_STREAM_END
            isFull = stream.pointee.avail_out == 0 && !isComplete
        }
    }
}
