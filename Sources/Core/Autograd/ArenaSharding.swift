/// Which range of an arena a rank owns, and what it keeps of the rest: the stages of Rajbhandari et al., "ZeRO: Memory
/// Optimizations Toward Training Trillion Parameter Models", 2019, arXiv 1910.02054, section 5.
public struct ArenaSharding: Sendable, Hashable {
    /// What is divided over the ranks. Each level includes those before it.
    public enum Level: Int, Sendable, Hashable, CaseIterable, Comparable {
        case nothing
        /// Master weights and optimizer states (stage 1).
        case states
        /// Gradients, whole only while a block's backward runs (stage 2).
        case gradients
        /// The weights that layers read, whole only while a block runs (stage 3).
        case weights

        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    public let level: Level
    /// This rank's place among those that share the arena.
    public let rank: Int
    public let rankCount: Int
    /// Whether this rank speaks for what it owns, in norms and checkpoints, where others hold the same.
    public let speaks: Bool

    /// Everything on one rank.
    public static let whole = ArenaSharding(.nothing, rank: 0, of: 1, speaks: true)

    public init(_ level: Level, rank: Int, of rankCount: Int, speaks: Bool) {
        precondition((0..<rankCount).contains(rank), "sharding: rank \(rank) of \(rankCount)")
        // One rank keeps all, at any level.
        self.level = rankCount == 1 ? .nothing : level
        (self.rank, self.rankCount, self.speaks) = (rank, rankCount, speaks)
    }

    /// The elements owned of `count`, a multiple of `rankCount`.
    func owned(of count: Int) -> Range<Int> {
        level == .nothing ? 0..<count : rank * (count / rankCount)..<(rank + 1) * (count / rankCount)
    }
}
