/// The shuffles of MosaicML Streaming, sample for sample, to continue a run that was begun with it.
///
/// They store the order of a whole epoch (8 bytes a sample), so they are an option; ``BlockShuffle`` is the default.
public struct MosaicShuffle: Shuffle {
    /// The algorithms, by the names that the original gives them.
    public enum Algorithm: String, Sendable, CaseIterable {
        case py1e, py1br, py1s, py2s, naive, none
    }

    /// Which algorithm.
    public let algorithm: Algorithm
    /// `shuffle_seed`.
    public let seed: UInt64
    /// `num_canonical_nodes`: the number of parts that the order is laid out for.
    public let canonicalNodeCount: Int
    /// `shuffle_block_size`.
    public let blockSize: Int

    /// - Parameters:
    ///   - algorithm: which shuffle.
    ///   - seed: `shuffle_seed`; the original's default is 9176.
    ///   - canonicalNodeCount: `num_canonical_nodes`.
    ///   - blockSize: `shuffle_block_size`; nil for the original's default, `max(4_000_000 / nodes, 2^18)`.
    public init(
        _ algorithm: Algorithm = .py1e, seed: UInt64 = 9176, canonicalNodeCount: Int = 1, blockSize: Int? = nil
    ) {
        precondition(canonicalNodeCount > 0, "there must be at least one canonical node")
        precondition(blockSize.map { $0 > 3 } ?? true, "a shuffle block needs at least four samples")
        self.algorithm = algorithm
        self.seed = seed
        self.canonicalNodeCount = canonicalNodeCount
        self.blockSize = blockSize ?? max(4_000_000 / canonicalNodeCount, 1 << 18)
    }

    /// The algorithm and all three parameters.
    public var plan: [String: String] {
        [
            "shuffle": algorithm == .none ? "mosaic-none" : algorithm.rawValue, "shuffle_seed": String(seed),
            "canonical_nodes": String(canonicalNodeCount), "shuffle_block_size": String(blockSize),
        ]
    }

    /// The order in which the original's nodes together consume the epoch: the canonical nodes' parts interleaved, and
    /// short parts filled by repeating a sample.
    public func order(epoch: Int, of layout: ShardLayout) throws -> any SampleOrder {
        let raw = try rawOrder(epoch: epoch, of: layout)
        let rows = MosaicPartition.interleaved(
            sampleCount: layout.count, canonicalNodeCount: canonicalNodeCount, nodeCount: 1)
        return StoredOrder(indices: rows.map { raw[$0] })
    }

    /// The shuffled sample ids before they are dealt to nodes and ranks.
    ///
    /// - Throws: ``DataError`` when a canonical node would be left without samples.
    public func rawOrder(epoch: Int, of layout: ShardLayout) throws -> [Int] {
        guard layout.count >= canonicalNodeCount else {
            throw DataError(
                "cannot deal \(layout.count) samples to \(canonicalNodeCount) canonical nodes",
                hint: "lower canonical_nodes")
        }
        switch algorithm {
        case .none: return Array(0..<layout.count)
        case .naive:
            var generator = NumPyGenerator(seed: seed &+ UInt64(epoch))
            var ids = Array(0..<layout.count)
            generator.shuffle(&ids)
            return ids
        case .py2s: return py2s(epoch: epoch, layout)
        case .py1s, .py1br, .py1e: return py1(epoch: epoch, layout)
        }
    }

    struct StoredOrder: SampleOrder {
        let indices: [Int]
        var count: Int { indices.count }
        func index(at position: Int) -> Int { indices[position] }
    }
}
