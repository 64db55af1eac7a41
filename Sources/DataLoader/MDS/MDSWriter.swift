internal import JSON

/// Writes an MDS data set, byte for byte as the original library does when it is given the same samples and settings.
///
/// Columns are stored in alphabetical order. Shards appear under their final name only when complete, and the index,
/// without which nothing is read, comes last. One thread uses a writer.
public final class MDSWriter {
    private let directory: String
    private let schema: Schema
    private let compression: Compression?
    private let hashes: [HashAlgorithm]
    private let sizeLimit: Int?
    private let configuration: [JSONValue.Member]
    private let configurationText: [UInt8]
    private var shards: [JSONValue] = []
    /// The samples of the shard being filled, end to end, and where each ends.
    private var samples: [UInt8] = []
    private var ends: [Int] = []

    /// - Parameters:
    ///   - directory: where to write; created if need be, and refused if it holds a data set already.
    ///   - columns: names and encodings.
    ///   - compression: of the shards, or nil.
    ///   - hashes: checksums to record of every file.
    ///   - sizeLimit: bytes of a shard (uncompressed) after which the next one begins; below 2^32; nil = one shard.
    /// - Throws: ``DataError`` for a directory in use, a bad limit, or an encoding that cannot be written.
    public init(
        directory: String, columns: [String: ColumnEncoding], compression: Compression? = nil,
        hashes: [HashAlgorithm] = [.xxh64], sizeLimit: Int? = 1 << 26
    ) throws {
        guard try FileSystem.byteCount(of: directory + "/" + MDSIndex.fileName) == nil else {
            throw DataError(
                "cannot write a data set to \(directory): it holds one already", hint: "name a new directory")
        }
        guard sizeLimit.map({ $0 > 0 && $0 < 1 << 32 }) ?? true, !columns.isEmpty else {
            throw DataError("cannot write a data set: it needs a column and a size limit from 1 to 2^32 - 1 bytes")
        }
        try FileSystem.createDirectory(directory)
        let names = columns.keys.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        schema = Schema(names: names, encodings: names.compactMap { columns[$0] })
        self.directory = directory
        self.compression = compression
        self.hashes = hashes.sorted { $0.rawValue < $1.rawValue }
        self.sizeLimit = sizeLimit
        configuration = MDSWriter.configuration(schema, compression, self.hashes, sizeLimit)
        configurationText = Array(JSONValue.object(configuration).text.utf8)
    }

    /// Adds one sample; may write a shard.
    ///
    /// - Parameter values: one value a column.
    /// - Throws: ``DataError`` that names the column which is missing, unknown or does not fit.
    public func write(_ values: [String: ColumnValue]) throws {
        if let unknown = values.keys.sorted().first(where: { schema.number(of: $0) == nil }) {
            throw DataError("cannot write a sample: there is no column \"\(unknown)\" in \(schema.names)")
        }
        var sizes: [UInt8] = []
        var body: [UInt8] = []
        for (name, encoding) in zip(schema.names, schema.encodings) {
            guard let value = values[name] else { throw DataError("cannot write a sample without column \"\(name)\"") }
            let start = body.count
            do {
                try encoding.encode(value, into: &body)
            } catch let error as DataError {
                throw DataError("cannot write column \"\(name)\": \(error.message)")
            }
            if encoding.fixedByteCount == nil { try ScalarType.uint32.append(body.count - start, to: &sizes) }
        }
        let size = sizes.count + body.count
        // The size that the original counts: n, the first offset, and the configuration; then each sample and its
        // offset. A first sample beyond the limit makes it write an empty shard, and so do we.
        let filled = 8 + configurationText.count + samples.count + 4 * ends.count
        if let sizeLimit, sizeLimit < filled + size + 4 { try flush() }
        samples.append(contentsOf: sizes)
        samples.append(contentsOf: body)
        ends.append(samples.count)
    }

    /// Writes the last shard and the index, and returns the index. Call it once; nothing can be written after.
    @discardableResult
    public func finish() throws -> MDSIndex {
        if !ends.isEmpty { try flush() }
        let text = JSONValue.object([.init("shards", .array(shards)), .init("version", .integer(2))]).text
        let path = directory + "/" + MDSIndex.fileName
        try FileSystem.writeAtomically(to: path) { try $0.write(Array(text.utf8)) }
        return try MDSIndex(parsing: Array(text.utf8), location: directory)
    }

    private func flush() throws {
        var raw: [UInt8] = []
        let start = 4 + 4 * (ends.count + 1) + configurationText.count
        guard start + samples.count < 1 << 32 else {
            throw DataError("cannot write a shard of 4 GiB or more", hint: "set a size limit")
        }
        raw.reserveCapacity(start + samples.count)
        try ScalarType.uint32.append(ends.count, to: &raw)
        try ScalarType.uint32.append(start, to: &raw)
        for end in ends { try ScalarType.uint32.append(start + end, to: &raw) }
        raw.append(contentsOf: configurationText)
        raw.append(contentsOf: samples)
        try add(raw)
        samples.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    private func add(_ raw: [UInt8]) throws {
        let number = String(shards.count)
        let name = "shard." + String(repeating: "0", count: max(0, 5 - number.count)) + number + ".mds"
        var zip = JSONValue.null
        var stored = (name: name, bytes: raw)
        if let compression {
            stored.name += "." + compression.fileExtension
            stored.bytes = try raw.withUnsafeBytes { try compression.compress($0) }
            zip = describe(stored.name, stored.bytes)
        }
        try FileSystem.writeAtomically(to: directory + "/" + stored.name) { try $0.write(stored.bytes) }
        var members = configuration
        members.append(.init("raw_data", describe(name, raw)))
        members.append(.init("samples", .integer(ends.count)))
        members.append(.init("zip_data", zip))
        shards.append(.object(members.sorted { $0.key < $1.key }))
    }

    private func describe(_ name: String, _ bytes: [UInt8]) -> JSONValue {
        let digests = hashes.map { hash in
            JSONValue.Member(hash.rawValue, .string(bytes.withUnsafeBytes { hash.digest(of: $0) }))
        }
        return .object([
            .init("basename", .string(name)), .init("bytes", .integer(bytes.count)), .init("hashes", .object(digests)),
        ])
    }

    private static func configuration(
        _ schema: Schema, _ compression: Compression?, _ hashes: [HashAlgorithm], _ sizeLimit: Int?
    ) -> [JSONValue.Member] {
        [
            .init("column_encodings", .array(schema.encodings.map { .string($0.name) })),
            .init("column_names", .array(schema.names.map(JSONValue.string))),
            .init("column_sizes", .array(schema.encodings.map { $0.fixedByteCount.map(JSONValue.integer) ?? .null })),
            .init("compression", compression.map { .string($0.description) } ?? .null),
            .init("format", .string("mds")),
            .init("hashes", .array(hashes.map { .string($0.rawValue) })),
            .init("size_limit", sizeLimit.map(JSONValue.integer) ?? .null),
            .init("version", .integer(2)),
        ]
    }
}
