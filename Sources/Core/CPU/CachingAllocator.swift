/// Memory that is kept for the next request of the same size class: a training step allocates the same sizes again and
/// again, and fresh pages are most of what a naive step pays for.
///
/// Classes are an eighth of an octave apart (at most an eighth is wasted). Blocks of 2 MiB and more lie on huge pages.
final class CachingAllocator {
    private static let hugePage = 2 << 20
    private let source: any BlockSource
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private var freeByteCount = 0
    /// Bytes that are in use now.
    private(set) var usedByteCount = 0
    /// The most bytes that were in use at once.
    private(set) var peakByteCount = 0

    init(_ source: any BlockSource = SystemBlocks()) { self.source = source }

    deinit { releaseCached() }

    /// A buffer of at least `byteCount` bytes, aligned to 64; it returns here when its last view is gone.
    func allocate(_ byteCount: Int) -> Buffer {
        precondition(byteCount >= 0, "allocate: \(byteCount) bytes")
        let size = CachingAllocator.sizeClass(byteCount)
        // The closure keeps the allocator alive for as long as a buffer is.
        let block = take(size)
        source.use(block, byteCount)
        return Buffer(address: block, byteCount: byteCount) { self.give($0, size) }
    }

    static func sizeClass(_ byteCount: Int) -> Int {
        let needed = max(byteCount, 64)
        let octave = Int.bitWidth - 1 - (needed - 1).leadingZeroBitCount
        let step = max(64, (1 << octave) / 8)
        return (needed + step - 1) / step * step
    }

    private func take(_ size: Int) -> UnsafeMutableRawPointer {
        usedByteCount += size
        peakByteCount = max(peakByteCount, usedByteCount)
        if let block = free[size]?.popLast() {
            freeByteCount -= size
            return block
        }
        // Shapes that never come back must not pile up: past the peak of live memory the cache starts anew.
        if freeByteCount > max(peakByteCount, 256 << 20) { releaseCached() }
        let alignment = size >= CachingAllocator.hugePage ? CachingAllocator.hugePage : 64
        guard let block = source.take(size, alignment: alignment) else {
            fatalError("allocate: the system has no \(size) bytes left, \(usedByteCount) are in use")
        }
        return block
    }

    private func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        usedByteCount -= size
        freeByteCount += size
        free[size, default: []].append(block)
    }

    private func releaseCached() {
        for (size, blocks) in free { for block in blocks { source.give(block, size) } }
        free = [:]
        freeByteCount = 0
    }
}
