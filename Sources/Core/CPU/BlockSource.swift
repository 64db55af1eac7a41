import CKernels
import Foundation

/// Where an allocator's blocks come from.
package protocol BlockSource: AnyObject {
    /// A new block, on huge pages when it is aligned to them; nil when the system refuses.
    func take(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer?
    /// Ends a block's life.
    func give(_ block: UnsafeMutableRawPointer, _ size: Int)
    /// Says that the first `byteCount` bytes of a block are used from now on.
    func use(_ block: UnsafeMutableRawPointer, _ byteCount: Int)
}

/// Memory of this process.
package final class SystemBlocks: BlockSource {
    package init() {}

    package func take(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, alignment, size) == 0, let block else { return nil }
        if alignment >= 2 << 20 { ck_advise_huge(block, size) }
        return block
    }

    package func give(_ block: UnsafeMutableRawPointer, _ size: Int) { Foundation.free(block) }

    package func use(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {}
}
