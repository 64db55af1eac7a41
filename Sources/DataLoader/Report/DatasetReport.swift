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
        let shards = data.index.shards
        var schemas: [Schema] = []
        for shard in shards where !schemas.contains(shard.schema) { schemas.append(shard.schema) }
        let common = shards.map { Set($0.stored.hashes.keys) }
        location = data.location
        fingerprint = data.fingerprint
        shardCount = shards.count
        sampleCount = data.count
        rawBytes = shards.reduce(0) { $0 + $1.raw.byteCount }
        storedBytes = shards.reduce(0) { $0 + $1.stored.byteCount }
        compressions = Set(shards.compactMap(\.compression)).sorted()
        hashes = common.dropFirst().reduce(common.first ?? []) { $0.intersection($1) }.sorted()
        self.schemas = schemas.map { schema in
            zip(schema.names, schema.encodings).map { ColumnReport(name: $0, encoding: $1.name) }
        }
    }
}
