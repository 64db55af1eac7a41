/// How samples are spread over shards: the number of samples of each, as running totals.
///
/// 8 bytes a shard, none a sample.
public struct ShardLayout: Sendable, Hashable {
    /// `starts[s]` is the index of the first sample of shard `s`; the last entry is the number of samples.
    public let starts: [Int]
    /// The mean size of a sample in bytes, uncompressed; 0 when unknown.
    public let meanSampleBytes: Int

    /// - Parameters:
    ///   - sizes: the number of samples of every shard; zeros are allowed.
    ///   - totalBytes: the size of all shards, uncompressed, when it is known.
    public init(sizes: some Sequence<Int>, totalBytes: Int = 0) {
        var total = 0
        var starts = [0]
        for size in sizes {
            precondition(size >= 0, "a shard cannot have \(size) samples")
            total += size
            starts.append(total)
        }
        self.starts = starts
        meanSampleBytes = total == 0 ? 0 : totalBytes / total
    }

    /// Samples that lie in one piece, with random access to each.
    public init(count: Int, totalBytes: Int = 0) { self.init(sizes: [count], totalBytes: totalBytes) }

    /// The number of samples.
    public var count: Int { starts[starts.count - 1] }

    /// The number of shards, empty ones included.
    public var shardCount: Int { starts.count - 1 }

    /// The sample indices of shard `shard`.
    public func range(ofShard shard: Int) -> Range<Int> { starts[shard]..<starts[shard + 1] }

    /// The shard that holds sample `index` (binary search).
    public func shard(of index: Int) -> Int {
        precondition(index >= 0 && index < count, "there is no sample \(index) in 0..<\(count)")
        return ShardLayout.lastStart(notAfter: index, in: starts)
    }

    /// The last place whose start is at most `index`: empty shards are passed over.
    static func lastStart(notAfter index: Int, in starts: [Int]) -> Int {
        var low = 0
        var high = starts.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }
}
