internal import JSON

/// The index of an MDS data set (`index.json`).
public struct MDSIndex: Sendable {
    /// The shards, in the order of their samples.
    public let shards: MDSShards
    /// The samples of every shard.
    public let layout: ShardLayout
    /// The compressions in use, as they are spelled there.
    public let compressions: [String]
    /// A digest of the index: names, sizes and checksums of everything.
    public let fingerprint: String

    /// The file's name in every data set.
    public static let fileName = "index.json"

    /// Parses an index.
    ///
    /// - Parameters:
    ///   - bytes: the content of `index.json`.
    ///   - location: where it came from, for messages.
    /// - Throws: ``DataError`` that lists all problems (the first twenty).
    public init(parsing bytes: [UInt8], location: String) throws {
        try self.init(IndexText(bytes), location: location)
    }

    init(_ text: IndexText, location: String) throws {
        var reader = MDSIndexReader(text)
        do {
            try text.withUnsafeBytes { try reader.read($0) }
        } catch let error as JSONError {
            throw MDSIndex.failure(location, ["it is not JSON: \(error)"])
        }
        guard reader.problems.isEmpty else { throw MDSIndex.failure(location, reader.problems) }
        shards = MDSShards(text, offsets: reader.offsets)
        layout = ShardLayout(sizes: reader.sampleCounts.lazy.map(Int.init), totalBytes: reader.rawBytes)
        compressions = reader.compressions.sorted()
        fingerprint = "mds-" + reader.digest.hexadecimal()
    }

    private static func failure(_ location: String, _ problems: [String]) -> DataError {
        let shown = problems.prefix(20).joined(separator: "; ")
        let more = problems.count > 20 ? "; and \(problems.count - 20) more" : ""
        return DataError(
            "cannot read the data set \(location): \(fileName) is wrong: \(shown)\(more)",
            hint: "copy \(fileName) again from the original, or write the data set again")
    }
}
