import Foundation

/// Addresses without memory behind them, and how much memory they would take.
///
/// Pages are reserved and never promised, so a terabyte costs nothing; the few bytes that an operation may read or
/// write outside its kernels find a page of zeros.
package final class CountedBlocks: BlockSource {
    private static let page = 4 << 10
    private static let hugePage = 2 << 20
    /// The size of each block and how many of its bytes have been used.
    private var blocks: [UnsafeMutableRawPointer: (size: Int, used: Int)] = [:]
    /// Bytes that have been used of the blocks that are there.
    private var byteCount = 0
    /// The most that were used at once.
    package private(set) var peak = 0

    package init() {}

    deinit {
        for (block, (size, _)) in blocks { munmap(block, CountedBlocks.mappedSize(size)) }
    }

    package func take(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | CountedBlocks.unreserved
        guard let block = mmap(nil, CountedBlocks.mappedSize(size), PROT_READ | PROT_WRITE, flags, -1, 0),
            block != MAP_FAILED
        else { return nil }
        blocks[block] = (size, 0)
        return block
    }

    package func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        guard let (_, used) = blocks.removeValue(forKey: block) else { return }
        byteCount -= used
        munmap(block, CountedBlocks.mappedSize(size))
    }

    package func use(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
        guard let (size, used) = blocks[block] else { return }
        let unit = byteCount >= CountedBlocks.hugePage ? CountedBlocks.hugePage : 64
        let rounded = min(size, (byteCount + unit - 1) / unit * unit)
        guard rounded > used else { return }
        blocks[block] = (size, rounded)
        self.byteCount += rounded - used
        peak = max(peak, self.byteCount)
    }

    private static func mappedSize(_ size: Int) -> Int { (size + page - 1) / page * page }

    #if os(Linux)
    private static let unreserved = MAP_NORESERVE
    #else
    private static let unreserved: Int32 = 0
    #endif
}
