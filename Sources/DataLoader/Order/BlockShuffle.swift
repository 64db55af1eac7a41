internal import Random

/// The default shuffle: random at two levels, O(1) in the number of samples, and kind to shards.
///
/// 1. The shards are put into a random order, new in every epoch (16 bytes a shard).
/// 2. That sequence of samples is cut into blocks of `blockSize`; inside a block the samples are permuted by a keyed
///    ``Permutation``. So a reader has only the shards of one block open, and reads each of them once an epoch.
///
/// The index at a position takes two permutations and a binary search over the shards: nothing is stored a sample,
/// so resuming is instant. A larger block mixes more and keeps more shards open.
public struct BlockShuffle: Shuffle {
    /// The seed of the order.
    public let seed: UInt64
    /// Samples a block; nil picks a block of 64 MiB of samples, at least 1024 of them.
    public let blockSize: Int?

    /// - Parameters:
    ///   - seed: the seed of the order.
    ///   - blockSize: samples that are mixed with each other; nil for the default.
    public init(seed: UInt64, blockSize: Int? = nil) {
        precondition(blockSize.map { $0 > 0 } ?? true, "a shuffle block needs at least one sample")
        self.seed = seed
        self.blockSize = blockSize
    }

    /// `feistel`, the seed, and the block size (`auto` = derived from the data alone).
    public var plan: [String: String] {
        [
            "shuffle": "feistel", "shuffle_seed": String(seed),
            "shuffle_block_size": blockSize.map(String.init) ?? "auto",
        ]
    }

    /// The order of `epoch`.
    public func order(epoch: Int, of layout: ShardLayout) -> any SampleOrder {
        BlockOrder(seed: seed, epoch: epoch, blockSize: blockSize ?? BlockShuffle.defaultBlock(of: layout), layout)
    }

    static func defaultBlock(of layout: ShardLayout) -> Int {
        guard layout.meanSampleBytes > 0 else { return 1 << 16 }
        return max(1024, (64 << 20) / layout.meanSampleBytes)
    }
}

/// One epoch of a ``BlockShuffle``.
struct BlockOrder: SampleOrder {
    let count: Int
    private let blockSize: Int
    private let blockKeys: Philox
    /// The shuffled shards' first samples, and where each shard begins in the shuffled sequence.
    private let firstSample: [Int]
    private let starts: [Int]

    init(seed: UInt64, epoch: Int, blockSize: Int, _ layout: ShardLayout) {
        let shards = Permutation(count: layout.shardCount, seed: seed, stream: "shuffle/shards/\(epoch)")
        var firstSample: [Int] = []
        var starts: [Int] = []
        firstSample.reserveCapacity(layout.shardCount)
        starts.reserveCapacity(layout.shardCount + 1)
        var total = 0
        for place in 0..<layout.shardCount {
            let range = layout.range(ofShard: shards(place))
            firstSample.append(range.lowerBound)
            starts.append(total)
            total += range.count
        }
        starts.append(total)
        blockKeys = Philox(seed: seed, stream: "shuffle/block/\(epoch)")
        self.blockSize = blockSize
        self.firstSample = firstSample
        self.starts = starts
        count = total
    }

    func index(at position: Int) -> Int {
        let block = position / blockSize
        let start = block * blockSize
        let length = min(blockSize, count - start)
        let inside = Permutation(count: length, key: blockKeys.bits(at: UInt64(block)))
        let mixed = start + inside(position - start)
        let place = ShardLayout.lastStart(notAfter: mixed, in: starts)
        return firstSample[place] + mixed - starts[place]
    }
}
