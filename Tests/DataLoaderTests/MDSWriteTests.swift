import JSON
import DataLoader
import Foundation
import Testing

@Suite("Writing MDS")
struct MDSWriteTests {
    static let fixtures = SharedData.root + "/mds-fixtures/"
    static let written = SharedData.packageRoot + "/Tests/Reference/mds_written"

    static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// Copies the golden data set column by column through the writer.
    static func rewrite(to directory: String, compression: String?) throws {
        let data = try MDSDataset(directory: fixtures + "raw")
        let schema = data.index.shards[0].schema
        let columns = Dictionary(uniqueKeysWithValues: zip(schema.names, schema.encodings))
        let writer = try MDSWriter(
            directory: directory, columns: columns, compression: try compression.map { try Compression($0) },
            hashes: [.sha1, .xxh64], sizeLimit: 4096)
        for index in 0..<data.count {
            let sample = try data.sample(at: index)
            try writer.write(
                Dictionary(uniqueKeysWithValues: sample.columns.map { ($0.name, ColumnValue.bytes($0.bytes.array)) }))
        }
        try writer.finish()
    }

    @Test(
        "raw shards and index.json equal the original's byte for byte",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)))
    func golden() throws {
        let directory = try TemporaryDirectory()
        try Self.rewrite(to: directory.path, compression: nil)
        let expected = try FileManager.default.contentsOfDirectory(atPath: Self.fixtures + "raw").sorted()
        #expect(try directory.names() == expected)
        for name in expected {
            #expect(try Self.bytes(directory.path + "/" + name) == Self.bytes(Self.fixtures + "raw/" + name), "\(name)")
        }
    }

    static func sample(_ i: Int) -> [String: ColumnValue] {
        let width = i == 4 ? 300 : 2
        let long = String(repeating: "caf\u{e9} ", count: 200)
        let meta: [JSONValue.Member] = [
            .init("b", .array([.integer(i), .number("1.5"), .null, .bool(true)])),
            .init("a", .string("\u{e9}\n\u{1F600}\u{7f}\"")),
        ]
        var sample: [String: ColumnValue] = ["text": .text(i == 0 ? long : "sample \(i)")]
        sample["tokens"] = .integers((i..<2 * i + 1).map { Int32($0) })
        sample["any"] = .numbers([Double](repeating: Double(i), count: width), shape: [1, width])
        sample["fixed"] = .numbers([Double](repeating: Double(i) / 4, count: 4))
        sample["count"] = .integer(-i)
        sample["half"] = .number(Double(i) / 3)
        sample["big"] = .text("10000000000000000000\(i)")
        sample["price"] = .text("\(i + 1).50")
        sample["meta"] = .json(.object(meta))
        sample["blob"] = .bytes((0..<UInt8(i)).map { $0 })
        sample["u"] = .integer(i * 7000)
        return sample
    }

    @Test("typed values, an oversized first sample and the empty shard before it are written as the original does")
    func typed() throws {
        let directory = try TemporaryDirectory()
        let names = [
            "text": "str", "tokens": "ndarray:int32", "any": "ndarray", "fixed": "ndarray:float32:2,2", "count": "int",
            "half": "float16", "big": "str_int", "price": "str_decimal", "meta": "json", "blob": "bytes", "u": "uint16",
        ]
        let writer = try MDSWriter(
            directory: directory.path, columns: names.mapValues { ColumnEncoding($0)! },
            hashes: [.xxh64, .sha256, .sha1], sizeLimit: 1024)
        for i in 0..<9 { try writer.write(Self.sample(i)) }
        let index = try writer.finish()
        #expect(index.shards[0].sampleCount == 0)
        let expected = try FileManager.default.contentsOfDirectory(atPath: Self.written).sorted()
        #expect(try directory.names() == expected)
        for name in expected {
            #expect(try Self.bytes(directory.path + "/" + name) == Self.bytes(Self.written + "/" + name), "\(name)")
        }
        let data = try MDSDataset(directory: directory.path)
        #expect(data.count == 9)
        #expect(try data.sample(at: 3).column("tokens").integers(as: Int32.self) == [3, 4, 5, 6])
        #expect(try data.sample(at: 8).column("u").integer() == 56000)
        #expect(try data.sample(at: 0).column("text").string().count == 1000)
    }

    @Test(
        "compressed shards hold the same bytes as the original's",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)), arguments: ["zstd", "zstd_7", "gz"])
    func compressed(_ name: String) throws {
        let directory = try TemporaryDirectory()
        let golden = try MDSDataset(directory: Self.fixtures + name)
        let compression = try #require(golden.index.shards[0].compression)
        try Self.rewrite(to: directory.path, compression: compression)
        let written = try MDSDataset(directory: directory.path)
        #expect(written.index.shards.map(\.raw) == golden.index.shards.map(\.raw))
        #expect(written.index.shards.allSatisfy { $0.compression == compression })
        for index in 0..<golden.count {
            #expect(try written.sample(at: index).display() == golden.sample(at: index).display())
        }
    }

    @Test("a directory that holds a data set is not written to, and wrong values name their column")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let writer = try MDSWriter(directory: directory.path, columns: ["a": .int, "b": .string])
        #expect(throws: DataError.self) { try writer.write(["a": .integer(1)]) }
        #expect {
            try writer.write(["a": .text("x"), "b": .text("y")])
        } throws: { "\($0)".contains("column \"a\"") }
        #expect {
            try writer.write(["a": .integer(1), "b": .text("y"), "c": .integer(1)])
        } throws: { "\($0)".contains("no column \"c\"") }
        try writer.write(["a": .integer(1), "b": .text("y")])
        try writer.finish()
        #expect(try directory.names() == ["index.json", "shard.00000.mds"])
        #expect {
            try MDSWriter(directory: directory.path, columns: ["a": .int])
        } throws: { "\($0)".contains("holds one already") }
    }
}
