import JSON
import DataLoader
import Foundation

/// Small data sets that tests write themselves.
enum TestData {
    /// A data set of `count` samples {id, text} in shards of about `sizeLimit` bytes.
    @discardableResult
    static func write(
        _ directory: String, count: Int = 100, compression: String? = nil, hashes: [HashAlgorithm] = [.xxh64],
        sizeLimit: Int = 1000, first: Int = 0
    ) throws -> MDSIndex {
        let writer = try MDSWriter(
            directory: directory, columns: ["id": .int, "text": .string],
            compression: try compression.map { try Compression($0) }, hashes: hashes, sizeLimit: sizeLimit)
        for id in first..<first + count { try writer.write(["id": .integer(id), "text": .text("sample \(id)")]) }
        return try writer.finish()
    }

    static func ids(_ data: some SampleSource) throws -> [Int] {
        try (0..<data.count).map { try data.sample(at: $0).column("id").integer() }
    }

    /// Changes one byte of a file in place.
    static func flip(_ path: String, at offset: Int) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[offset] ^= 0x40
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    static func truncate(_ path: String, to count: Int) throws {
        try Data(contentsOf: URL(fileURLWithPath: path)).prefix(count).write(to: URL(fileURLWithPath: path))
    }
}

/// A source whose samples are their own index, and which notes what is read.
struct CountingSource: SampleSource {
    let layout: ShardLayout
    var fingerprint = "counting"

    func sample(at index: Int) throws -> Sample {
        Sample(
            schema: Schema(names: ["id"], encodings: [.int]),
            buffer: ByteBuffer(withUnsafeBytes(of: Int64(index)) { Array($0) }), ranges: [0..<8], origin: fingerprint,
            index: index)
    }
}

extension Sample {
    var number: Int { index }
}
