/// An MDS data set: shards of samples described by `index.json`, in a directory or in a remote place.
///
/// Every opening of a shard verifies its length, its checksum if the index has one that can be computed, its
/// compressed form and its table of offsets. Samples are views into the decompressed shard.
public final class MDSDataset: SampleSource {
    /// How a data set is read.
    public struct Options: Sendable {
        /// A directory for copies of a remote data set's shards; nil reads a local data set in place.
        public var cache: String?
        /// Bytes of fetched copies that may lie in `cache`, or nil for all of them. Only copies are ever deleted.
        public var cacheLimit: Int?
        /// Whether `cache` holds shards compressed, as fetched; false holds them uncompressed.
        public var keepsCompressed: Bool
        /// How often a shard is fetched again when it arrives damaged.
        public var retryCount: Int
        /// Bytes of decompressed shards that are held in memory; one shard is always held.
        public var memoryLimit: Int

        /// The defaults: in place, or an unlimited cache of compressed shards; two retries; 128 MiB of open shards.
        public init(
            cache: String? = nil, cacheLimit: Int? = nil, keepsCompressed: Bool = true, retryCount: Int = 2,
            memoryLimit: Int = 128 << 20
        ) {
            self.cache = cache
            self.cacheLimit = cacheLimit
            self.keepsCompressed = keepsCompressed
            self.retryCount = retryCount
            self.memoryLimit = memoryLimit
        }
    }

    /// What the data set is called in messages and sample ids.
    public let location: String
    /// Shards, columns and checksums.
    public let index: MDSIndex
    /// The samples of every shard.
    public let layout: ShardLayout
    /// What was noticed about the files.
    public let log: DataEventLog
    private let store: ShardStore
    private let cache: ShardCache

    /// Opens a data set: reads and checks its index, and no shard yet.
    ///
    /// - Throws: ``DataError`` when there is no index, when it is wrong (all problems listed), or when a shard's
    ///   compression is not supported.
    public init(_ storage: any Storage, options: Options = Options(), log: DataEventLog = DataEventLog()) throws {
        let store = try ShardStore(storage, options, log)
        let index = try MDSIndex(store.index(), location: storage.location)
        for name in index.compressions {
            do {
                _ = try Compression(name)
            } catch let error as DataError {
                throw DataError("cannot open the data set \(storage.location): \(error.message)", hint: error.hint)
            }
        }
        location = storage.location
        self.index = index
        self.log = log
        self.store = store
        layout = index.layout
        cache = ShardCache(limit: options.memoryLimit)
    }

    /// Opens the data set in `directory`.
    public convenience init(
        directory: String, options: Options = Options(), log: DataEventLog = DataEventLog()
    ) throws {
        try self.init(LocalStorage(directory), options: options, log: log)
    }

    /// The digest of the index.
    public var fingerprint: String { index.fingerprint }

    /// The sample at `index`, opening its shard if it is not in memory.
    public func sample(at index: Int) throws -> Sample {
        let number = layout.shard(of: index)
        let shard = try openShard(number)
        return try sample(index - layout.starts[number], of: shard, index: index)
    }

    func openShard(_ number: Int) throws -> OpenShard {
        try cache.shard(number, byteCount: index.shards[number].raw.byteCount) { try verifyShard(number) }
    }

    /// Opens shard `number` from its file, past the memory cache.
    func verifyShard(_ number: Int) throws -> OpenShard {
        try store.open(index.shards[number], number: number)
    }

    func sample(_ place: Int, of shard: OpenShard, index: Int) throws -> Sample {
        do {
            return Sample(
                schema: shard.schema, buffer: shard.buffer, ranges: try shard.ranges(ofSample: place),
                origin: location, index: index)
        } catch let damage as Damage {
            throw DataError("cannot read sample \(location):\(index): \(damage.problem)")
        }
    }
}
