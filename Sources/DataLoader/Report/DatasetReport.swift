/// What is in an MDS data set: the answer of `data inspect`.
public struct DatasetReport: Codable, Sendable, Hashable {
    /// The columns of one kind of shard.
    public struct ColumnReport: Codable, Sendable, Hashable {
        /// The column's name.
        public let name: String
        /// Its encoding, by the name that MDS gives it.
        public let encoding: String
    }

    /// Where the data set is.
    public let location: String
    /// The digest of its index.
    public let fingerprint: String
    /// Shards, empty ones included.
    public let shardCount: Int
    /// Samples.
    public let sampleCount: Int
    /// Bytes of all shards, uncompressed.
    public let rawBytes: Int
    /// Bytes of all shards as they are stored.
    public let storedBytes: Int
    /// The compressions in use; empty when there is none.
    public let compressions: [String]
    /// The checksums that every shard has.
    public let hashes: [String]
    /// The columns; several lists when the shards differ.
    public let schemas: [[ColumnReport]]

    /// Reads the index only.
    public init(_ data: MDSDataset) {
        var schemas: [Schema] = []
        var common: Set<String>?
        var (raw, stored) = (0, 0)
        for shard in data.index.shards {
            if !schemas.contains(shard.schema) { schemas.append(shard.schema) }
            let names = Set(shard.stored.hashes.keys)
            common = common?.intersection(names) ?? names
            raw += shard.raw.byteCount
            stored += shard.stored.byteCount
        }
        location = data.location
        fingerprint = data.fingerprint
        shardCount = data.index.shards.count
        sampleCount = data.count
        rawBytes = raw
        storedBytes = stored
        compressions = data.index.compressions
        hashes = (common ?? []).sorted()
        self.schemas = schemas.map { schema in
            zip(schema.names, schema.encodings).map { ColumnReport(name: $0, encoding: $1.name) }
        }
    }
}
