public import DataLoader
public import Foundation
public import PluginAPI

/// Streams MDS data sets: directories of (zstd) shards with an `index.json`, as MosaicML Streaming writes them and
/// `forktail data shard` does. Every shard is verified when it is opened.
public struct StreamingLoader: LoaderPlugin {
    /// What the recipe's `data.loader:` section may say.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var shuffle = ShuffleSetting.none
        public var shuffleSeed: UInt64?
        public var shuffleBlockSize: Int?
        public var canonicalNodes = 1
        public var columns: [String: String] = [:]
        public var cache: String?
        public var cacheLimit: Int?
        public var keepsCompressed = true
        public var memoryLimit = 128 << 20

        enum CodingKeys: String, CodingKey {
            case shuffle, columns, cache
            case shuffleSeed = "shuffle_seed"
            case shuffleBlockSize = "shuffle_block_size"
            case canonicalNodes = "canonical_nodes"
            case cacheLimit = "cache_limit"
            case keepsCompressed = "keep_compressed"
            case memoryLimit = "memory_limit"
        }

        public static let template = Config()
        public static let help = [
            "shuffle": "false = in the order of the shards | true | feistel | py1e | py1br | py1s | py2s | naive",
            "shuffle_seed": "seed of the order; null = the run's",
            "shuffle_block_size": "samples that are mixed with each other; null = the order's default",
            "canonical_nodes": "num_canonical_nodes of MosaicML's orders (py1e ...)",
            "columns": "other names for columns: {name that the trainer reads: name in the shards}",
            "cache": "directory for copies of shards; null = they are read where they are",
            "cache_limit": "bytes of copies to keep in the cache; null = all",
            "keep_compressed": "whether copies stay compressed in the cache",
            "memory_limit": "bytes of decompressed shards to hold in memory",
        ]
    }

    private let config: Config

    public init(_ config: Config) throws {
        guard config.memoryLimit >= 0, (config.cacheLimit ?? 0) >= 0 else {
            throw InputError(
                "data.loader", "found memory_limit \(config.memoryLimit) and cache_limit \(config.cacheLimit ?? 0), "
                    + "expected 0 bytes or more")
        }
        self.config = config
    }

    /// - Throws: `DataError` that names the directory and what is wrong with its index.
    public func stream(_ paths: [URL], _ context: LoaderContext) throws -> any SampleStream {
        let directories = paths.map { $0.path(percentEncoded: false) }
        let log = DataEventLog()
        let sets = try directories.enumerated().map { number, directory in
            // Data sets have shards of the same names, so each has a directory of its own in the cache.
            let cache = config.cache.map { directories.count == 1 ? $0 : "\($0)/\(number)" }
            return try MDSDataset(
                directory: directory,
                options: MDSDataset.Options(
                    cache: cache, cacheLimit: config.cacheLimit.map { $0 / directories.count },
                    keepsCompressed: config.keepsCompressed, memoryLimit: config.memoryLimit / directories.count),
                log: log)
        }
        let source = RenamedSource(sets.count == 1 ? sets[0] : JoinedSource(sets), names: config.columns)
        guard context.isTraining else { return try OrderedSource(source) }
        let shuffle = try config.shuffle.shuffle(
            seed: config.shuffleSeed ?? context.seed, blockSize: config.shuffleBlockSize,
            canonicalNodeCount: config.canonicalNodes)
        return try OrderedSource(source, shuffle: shuffle)
    }
}

/// Registers `streaming`.
public struct StreamingPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.loader("streaming", StreamingLoader.self) }
}
