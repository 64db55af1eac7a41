/// Which blocks of a cache are free, and how many sequences hold each of the others.
struct BlockPool {
    /// By block; 0 = free.
    private var holders: [Int] = []
    /// Next one last, so that lower blocks are taken first.
    private var free: [Int32] = []

    var capacity: Int { holders.count }
    var freeCount: Int { free.count }

    /// Adds blocks after the last one.
    mutating func grow(to count: Int) {
        let new = (holders.count..<max(count, holders.count)).map(Int32.init)
        holders += new.map { _ in 0 }
        free = new.reversed() + free
    }

    /// A block that nobody holds; the caller is its first holder.
    /// - Precondition: one is free.
    mutating func take() -> Int32 {
        guard let block = free.popLast() else { preconditionFailure("block pool: none of \(capacity) blocks is free") }
        holders[Int(block)] = 1
        return block
    }

    /// One more holder.
    mutating func share(_ block: Int32) { holders[Int(block)] += 1 }

    /// One holder less; the last one's leaving frees the block.
    mutating func release(_ block: Int32) {
        holders[Int(block)] -= 1
        precondition(holders[Int(block)] >= 0, "block pool: block \(block) was released more often than taken")
        if holders[Int(block)] == 0 { free.append(block) }
    }

    func isShared(_ block: Int32) -> Bool { holders[Int(block)] > 1 }
}
