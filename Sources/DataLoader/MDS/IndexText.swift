import Foundation

/// The text of an index: small ones in memory, large ones mapped, so that a million shards cost no memory.
final class IndexText: @unchecked Sendable {
    // Proof of safety: the bytes are never written after init; unmapped or freed in deinit.
    private let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    init(_ content: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 16)
        copy.copyBytes(from: content)
        bytes = UnsafeRawBufferPointer(copy)
        isMapped = false
    }

    /// - Throws: ``DataError`` when the file cannot be read.
    init(file path: String) throws {
        let size = try FileSystem.byteCount(of: path) ?? 0
        guard size > 16 << 20 else {
            let content = try FileSystem.contents(of: path)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 16)
            copy.copyBytes(from: content)
            bytes = UnsafeRawBufferPointer(copy)
            isMapped = false
            return
        }
        let address = try FileSystem.withOpenFile(path) { mmap(nil, size, PROT_READ, MAP_PRIVATE, $0, 0) }
        guard let address, address != MAP_FAILED else { throw FileSystem.failure("map", path) }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
        isMapped = true
    }

    deinit {
        guard let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress) else { return }
        if isMapped { munmap(base, bytes.count) } else { base.deallocate() }
    }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(bytes) }
    }

    /// Lets the system take back the pages of `range`; they are read again when needed.
    func release(_ range: Range<Int>) {
        guard isMapped, let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress) else { return }
        let page = Int(getpagesize())
        let start = range.lowerBound / page * page
        madvise(base + start, range.upperBound / page * page - start, MADV_DONTNEED)
    }
}
