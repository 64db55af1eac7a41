import DataLoader
import Foundation
import Host
import JSON
import PluginAPI
import Testing

@Suite("data inspect, verify, bench and cat")
struct DataCheckTests {
    let work: DataWorkspace
    let data: String

    init() throws {
        work = try DataWorkspace()
        data = work.path("mds")
        let writer = try MDSWriter(
            directory: data, columns: ["ids": .array(.int32, shape: nil), "raw": .bytes], compression: Compression("zstd"),
            sizeLimit: 1000)
        for number in 0..<50 {
            try writer.write(["ids": .integers([Int32(number), 1, 2]), "raw": .bytes([UInt8(number)])])
        }
        try writer.finish()
    }

    @Test("cat shows the samples that were asked for")
    func cat() throws {
        let lines = try work.data("cat", data, "--from", "48", "--json")
        #expect(lines == [#"{"ids": [48, 1, 2], "raw": {"base64": "MA=="}}"#, #"{"ids": [49, 1, 2], "raw": {"base64": "MQ=="}}"#])
        #expect(try work.data("cat", data, "--count", "1") == ["sample 0", "  ids (ndarray:int32): [0, 1, 2]", #"  raw (bytes): {"base64": "AA=="}"#])
        #expect(try work.data("cat", data, "--from", "50", "--count", "9") == [])
        let error = #expect(throws: InputError.self) {
            try work.data("cat", data, "--from", "51")
        }
        #expect(error?.description == "--from: found 51, expected 0 to 50, the number of samples")
    }

    @Test("inspect names columns, shards and sizes")
    func inspect() throws {
        let report = try JSONValue(parsing: try work.data("inspect", data, "--json")[0])
        #expect(report["sample_count"]?.integer == 50 && report["compressions"]?.text == #"["zstd"]"#)
        #expect(report["shard_count"]?.integer ?? 0 > 1 && report["hashes"]?.text == #"["xxh64"]"#)
        #expect(try work.data("inspect", data).last == "columns      ids: ndarray:int32, raw: bytes")
    }

    @Test("bench counts tokens and bytes")
    func bench() throws {
        let report = try JSONValue(parsing: try work.data("bench", data, "--json")[0])
        for key in ["tokens_per_second", "bytes_per_second", "samples_per_second", "seconds", "resident_bytes"] {
            #expect((report[key]?.double ?? 0) > 0, "\(key)")
        }
        #expect(report["samples"]?.integer == 50)
    }

    @Test("verify passes what is good and lists every damaged shard")
    func verify() throws {
        let good = try JSONValue(parsing: try work.data("verify", data, "--json")[0])
        #expect(good["problems"]?.array == [] && good["without_checksum"]?.array == [])
        let shards = try FileManager.default.contentsOfDirectory(atPath: data).filter { $0.hasSuffix(".zstd") }.sorted()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: data + "/" + shards[0]))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: data + "/" + shards[0]))
        try FileManager.default.removeItem(atPath: data + "/" + shards[1])
        let results = work.path("verified")
        let ended = #expect(throws: (any Error).self) {
            try work.results(DataCommand.self, ["verify", data, "--json"], to: results)
        }
        #expect(ended.map { "\(type(of: $0))" } == "CommandEnded")
        let bad = try JSONValue(parsing: try String(contentsOfFile: results, encoding: .utf8))
        let problems = bad["problems"]?.array?.compactMap(\.string) ?? []
        #expect(problems.count == 2 && problems[0].contains(shards[0]) && problems[1].contains("it is missing"))
    }

    @Test("a corrupt or missing index is refused with what is wrong", arguments: ["verify", "inspect", "bench", "cat", "order"])
    func index(command: String) throws {
        try Data("{\"version\": 2, \"shards\": [{\"format\": \"mds\"".utf8).write(to: URL(fileURLWithPath: data + "/index.json"))
        let error = #expect(throws: DataError.self) { try work.data(command, data) }
        #expect(error?.description.contains("index.json is wrong: it is not JSON") == true)
        let missing = #expect(throws: DataError.self) { try work.data(command, work.path("none")) }
        #expect(missing?.description.contains("there is no index.json in it") == true)
    }
}
