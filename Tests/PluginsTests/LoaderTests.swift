import DataLoader
import Foundation
import LoaderJSONL
import LoaderStreaming
import PluginAPI
import Testing

@Suite struct LoaderTests {
    private let training = LoaderContext(seed: 3, isTraining: true)

    private func ids(_ stream: any SampleStream, count: Int) throws -> [Int] {
        try (0..<count).map { try stream.sample(at: $0).column("input_ids").integers()[0] }
    }

    private func lines(_ range: Range<Int>) -> String {
        range.map { "{\"input_ids\": [\($0)]}\n" }.joined()
    }

    /// A data set of one id a sample under `tokens`.
    private func shards(_ range: Range<Int>, in directory: URL) throws -> URL {
        let writer = try MDSWriter(
            directory: directory.path, columns: ["tokens": .array(.int32, shape: nil)],
            compression: Compression("zstd"), sizeLimit: 256)
        for id in range { try writer.write(["tokens": .integers([Int32(id)])]) }
        _ = try writer.finish()
        return directory
    }

    // MARK: jsonl

    @Test func `files, patterns and directories are read in order`() throws {
        let directory = try TemporaryDirectory()
        let first = try directory.write(lines(0..<3), to: "a.jsonl")
        _ = try directory.write(lines(3..<5), to: "b.jsonl")
        _ = try directory.write("not data", to: "notes.txt")
        let loader = JSONLLoader(try settings(JSONLLoader.Config.self))
        for (paths, count) in [
            ([first], 3), ([directory.url.appending(path: "*.jsonl")], 5), ([directory.url], 5),
        ] {
            let stream = try loader.stream(paths, training)
            #expect(stream.epochLength == count)
            #expect(try ids(stream, count: count) == Array(0..<count))
        }
    }

    @Test func `every path that names no file is listed`() {
        let loader = JSONLLoader(.template)
        let error = #expect(throws: DataError.self) {
            try loader.stream([URL(filePath: "/none/a.jsonl"), URL(filePath: "/none/*.jsonl")], training)
        }
        #expect(
            error?.message
                == "cannot open /none/a.jsonl, /none/*.jsonl: there is no such file, nor one that matches")
    }

    @Test(arguments: ["true", "\"feistel\"", "\"py1e\"", "\"py1s\""])
    func `a shuffled epoch has every sample once, and validation data stay in order`(shuffle: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(lines(0..<100), to: "a.jsonl")
        let loader = JSONLLoader(try settings(JSONLLoader.Config.self, "{\"shuffle\": \(shuffle)}"))
        let order = try ids(loader.stream([file], training), count: 100)
        #expect(order != Array(0..<100) && order.sorted() == Array(0..<100))
        #expect(try ids(loader.stream([file], training), count: 100) == order)
        let validation = LoaderContext(seed: 3, isTraining: false)
        #expect(try ids(loader.stream([file], validation), count: 100) == Array(0..<100))
    }

    @Test func `an unknown order is refused with the nearest one`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(lines(0..<3), to: "a.jsonl")
        let loader = JSONLLoader(try settings(JSONLLoader.Config.self, #"{"shuffle": "py1"}"#))
        let error = #expect(throws: InputError.self) { try loader.stream([file], training) }
        #expect(
            error?.description == "data.loader.shuffle: found 'py1', expected true, false, or one of feistel, py1e, "
                + "py1br, py1s, py2s, naive, none; did you mean 'py1e'?")
    }

    @Test func `columns go by the names that the recipe gives them`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("{\"x\": [4], \"y\": 1, \"z\": 2}\n", to: "a.jsonl")
        let loader = JSONLLoader(
            try settings(JSONLLoader.Config.self, #"{"columns": {"input_ids": "x", "z": "y"}}"#))
        let sample = try loader.stream([file], training).sample(at: 0)
        #expect(sample.columnNames == ["input_ids", "z"])
        #expect(try sample.column("input_ids").integers() == [4])
        #expect(try sample.column("z").integer() == 1)
        let wrong = JSONLLoader(try settings(JSONLLoader.Config.self, #"{"columns": {"input_ids": "ids"}}"#))
        #expect(throws: SampleError.self) { try wrong.stream([file], training).sample(at: 0) }
    }

    // MARK: streaming

    @Test func `a data set is streamed in the order of its shards, or shuffled`() throws {
        let directory = try TemporaryDirectory()
        let set = try shards(0..<200, in: directory.url.appending(path: "set"))
        let plain = try StreamingLoader(settings(StreamingLoader.Config.self, #"{"columns": {"input_ids": "tokens"}}"#))
        #expect(try ids(plain.stream([set], training), count: 200) == Array(0..<200))
        let shuffled = try StreamingLoader(
            settings(StreamingLoader.Config.self, #"{"shuffle": "py1e", "columns": {"input_ids": "tokens"}}"#))
        let order = try ids(shuffled.stream([set], training), count: 200)
        #expect(order != Array(0..<200) && order.sorted() == Array(0..<200))
    }

    @Test func `several data sets are read as one`() throws {
        let directory = try TemporaryDirectory()
        let first = try shards(0..<30, in: directory.url.appending(path: "first"))
        let second = try shards(30..<50, in: directory.url.appending(path: "second"))
        let cache = directory.url.appending(path: "cache").path
        let loader = try StreamingLoader(
            settings(
                StreamingLoader.Config.self, "{\"cache\": \"\(cache)\", \"columns\": {\"input_ids\": \"tokens\"}}"))
        let stream = try loader.stream([first, second], training)
        #expect(stream.epochLength == 50)
        #expect(try ids(stream, count: 50) == Array(0..<50))
        let other = try loader.stream([second, first], training)
        #expect(other.fingerprint != stream.fingerprint)
    }
}
