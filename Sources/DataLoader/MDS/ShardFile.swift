/// Reads one file of a shard into memory, checked against the index: every open verifies.
enum ShardFile {
    /// Which of a shard's two files.
    enum Form { case raw, zip }

    /// The uncompressed bytes of `shard`, from the file at `path`.
    ///
    /// The file passes through in pieces: only the uncompressed shard is held.
    ///
    /// - Throws: ``Damage`` when length, checksum or compressed form are wrong; ``DataError`` when it cannot be read.
    static func load(_ shard: MDSShard, _ form: Form, at path: String, _ pool: BufferPool) throws -> ByteBuffer {
        let file = form == .raw ? shard.raw : shard.zip ?? shard.raw
        let size = try FileSystem.byteCount(of: path) ?? 0
        guard size == file.byteCount else {
            throw Damage(problem: "it has \(size) bytes, the index says \(file.byteCount)")
        }
        return try ByteBuffer(count: shard.raw.byteCount, pool: pool) { output in
            let decompressor = try decompressor(shard, form, output)
            let expected = file.verifiable
            let hash = expected.map { RunningHash($0.algorithm) }
            try FileSystem.readChunks(of: path) { piece in
                hash?.update(piece)
                try decompressor.update(piece)
            }
            if let expected, let found = hash?.hexadecimal() {
                try verify(expected, found)
            }
            guard decompressor.isComplete, decompressor.produced == output.count else {
                throw Damage(problem: "it ends after \(decompressor.produced) of \(output.count) bytes")
            }
            if expected == nil, form == .zip, let raw = shard.raw.verifiable {
                try verify(raw, raw.algorithm.digest(of: UnsafeRawBufferPointer(output)))
            }
        }
    }

    private static func verify(_ expected: (algorithm: HashAlgorithm, digest: String), _ found: String) throws {
        guard found == expected.digest else {
            throw Damage(problem: "its \(expected.algorithm.rawValue) is \(found), the index says \(expected.digest)")
        }
    }

    private static func decompressor(
        _ shard: MDSShard, _ form: Form, _ output: UnsafeMutableRawBufferPointer
    ) throws -> any Decompressor {
        guard form == .zip, let name = shard.compression else { return Copier(into: output) }
        return switch try Compression(name).algorithm {
        case .zstd: try ZstdDecompressor(into: output)
        case .gz: try GzipDecompressor(into: output)
        }
    }
}
