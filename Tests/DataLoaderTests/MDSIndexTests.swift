import DataLoader
import Foundation
import Testing

@Suite("The index of a data set")
struct MDSIndexTests {
    static func shard(_ changes: [String: String] = [:]) -> String {
        var members = [
            "column_encodings": #"["int", "str"]"#, "column_names": #"["id", "text"]"#, "column_sizes": "[8, null]",
            "compression": "null", "format": #""mds""#, "hashes": "[]", "samples": "3", "size_limit": "1024",
            "raw_data": #"{"basename": "shard.00000.mds", "bytes": 99, "hashes": {}}"#, "version": "2",
            "zip_data": "null",
        ]
        for (key, value) in changes { members[key] = value }
        return "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
            + "}"
    }

    static func parse(_ shards: [String], version: String = "2") throws -> MDSIndex {
        let text = "{\"shards\": [\(shards.joined(separator: ", "))], \"version\": \(version), \"ours\": {\"x\": [1]}}"
        return try MDSIndex(parsing: Array(text.utf8), location: "somewhere")
    }

    @Test(
        "the traps of real indices are read: text limits, empty shards, sub-directories, differing columns, extra keys")
    func traps() throws {
        let index = try Self.parse([
            Self.shard(["samples": "0", "size_limit": "\"64mb\""]),
            Self.shard(["raw_data": #"{"basename": "17/shard.00085.mds", "bytes": 7, "hashes": {"xxh3_64": "AB"}}"#]),
            Self.shard(["column_names": #"["id"]"#, "column_encodings": #"["int"]"#, "column_sizes": "[8]"]),
            Self.shard(["size_limit": "null", "samples": "5"]),
        ])
        #expect(index.shards.map(\.sampleCount) == [0, 3, 3, 5])
        #expect(index.shards[1].raw.name == "17/shard.00085.mds")
        #expect(index.shards[2].schema.names == ["id"])
        #expect(index.layout.count == 11)
        #expect(index.layout.shard(of: 0) == 1)
    }

    @Test("all problems are listed at once, each with its shard")
    func problems() {
        #expect {
            try Self.parse(
                [
                    Self.shard(["format": "\"csv\""]), Self.shard(["samples": "-1"]),
                    Self.shard(["raw_data": #"{"basename": "../../etc/passwd", "bytes": 1, "hashes": {}}"#]),
                    Self.shard(["column_encodings": #"["int", "strr"]"#]), Self.shard(["column_sizes": "[4, null]"]),
                    Self.shard(["compression": "\"zstd\""]), Self.shard(["version": "1"]), "7",
                ], version: "3")
        } throws: { error in
            let text = "\(error)"
            return [
                "cannot read the data set somewhere", "shard 0: format is \"csv\", expected \"mds\"",
                "shard 1: samples is -1",
                "shard 2: raw_data has the path \"../../etc/passwd\"", "unknown encoding \"strr\"",
                "column \"id\" of encoding int has size 4, expected 8", "shard 5: zip_data needs a basename",
                "shard 6: version is 1, expected 2", "shard 7: found 7, expected an object", "version is 3, expected 2",
            ].allSatisfy { text.contains($0) }
        }
    }

    @Test("a wrong shard among equal ones is found, and equal ones that differ in files only are read")
    func neighbours() throws {
        func file(_ name: String, _ bytes: String) -> String {
            "{\"basename\": \"\(name)\", \"bytes\": \(bytes), \"hashes\": {}}"
        }
        let zipped = ["compression": "\"zstd\"", "zip_data": file("a.zstd", "5")]
        let good = (0..<5).map { number in
            Self.shard(
                zipped.merging(["samples": "\(number)", "raw_data": file("d/\(number)", "\(10 + number)")]) { $1 })
        }
        let index = try Self.parse(good)
        #expect(index.shards.map(\.sampleCount) == [0, 1, 2, 3, 4])
        #expect(index.shards.map(\.raw.byteCount) == [10, 11, 12, 13, 14])
        #expect(index.shards[3].raw.name == "d/3" && index.compressions == ["zstd"])
        let wrong: [[String: String]] = [
            ["samples": "-1"], ["samples": "4294967296"], ["version": "1"], ["raw_data": file("../x", "5")],
            ["raw_data": file("x", "\"5\"")], ["zip_data": "null"], ["zip_data": file("", "5")], ["raw_data": "[]"],
        ]
        for change in wrong {
            let shards = good + [Self.shard(zipped.merging(change) { $1 })] + good
            #expect { try Self.parse(shards) } throws: { "\($0)".contains("is wrong: shard 5: ") }
        }
        let repeated = good[0].dropLast() + ", \"version\": 1}"
        #expect(throws: DataError.self) { try Self.parse(good + [String(repeated)]) }
    }

    @Test(
        "text that is no index is refused with the place",
        arguments: [
            "", "{", "[]", "{\"version\": 2}", "{\"shards\": [], \"version\": 2} x", "{\"shards\": [tru]}", "\u{0}",
        ])
    func corrupt(_ text: String) {
        #expect {
            try MDSIndex(parsing: Array(text.utf8), location: "somewhere")
        } throws: {
            "\($0)".contains("somewhere") && "\($0)".contains("index.json is wrong")
        }
    }

    @Test("every prefix of a real index is refused, none crashes")
    func prefixes() throws {
        let directory = try TemporaryDirectory()
        try TestData.write(directory.path, count: 20)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.path + "/index.json")))
        for length in 0..<bytes.count {
            #expect(throws: DataError.self) { try MDSIndex(parsing: Array(bytes[..<length]), location: "x") }
        }
    }

    @Test("a shard whose table of offsets is damaged is refused, whatever the damage")
    func offsets() throws {
        let directory = try TemporaryDirectory()
        let index = try TestData.write(directory.path, count: 10, hashes: [])
        let path = directory.path + "/" + index.shards[0].raw.name
        let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for word in 0...index.shards[0].sampleCount + 1 {
            for value in [UInt32.max, 0, UInt32(good.count) + 1] {
                var bytes = good
                withUnsafeBytes(of: value) { bytes.replaceSubrange(4 * word..<4 * word + 4, with: $0) }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let data = try MDSDataset(directory: directory.path, log: DataEventLog { _ in })
                #expect(throws: DataError.self) { try data.sample(at: 0) }
            }
        }
    }

    @Test("an absent directory, or one without an index, says what to do")
    func absent() throws {
        let directory = try TemporaryDirectory()
        for path in [directory.path, directory.path + "/none"] {
            #expect { try MDSDataset(directory: path) } throws: { "\($0)".contains("there is no index.json in it") }
        }
    }
}
