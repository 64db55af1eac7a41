import JSON
import DataLoader
import Foundation
import Testing

@Suite("Reports")
struct ReportTests {
    @Test("inspect counts samples and bytes, and names columns, compressions and checksums")
    func inspect() throws {
        let directory = try TemporaryDirectory()
        let index = try TestData.write(directory.path, compression: "zstd", hashes: [.sha1, .xxh64])
        let report = DatasetReport(try MDSDataset(directory: directory.path))
        #expect(report.sampleCount == 100 && report.shardCount == index.shards.count)
        #expect(report.compressions == ["zstd"] && report.hashes == ["sha1", "xxh64"])
        #expect(report.schemas.map { $0.map(\.name) } == [["id", "text"]])
        let files = try directory.names().filter { $0.hasSuffix("zstd") }
        let sizes = try files.map { try Data(contentsOf: URL(fileURLWithPath: directory.path + "/" + $0)).count }
        #expect(report.storedBytes == sizes.reduce(0, +))
        #expect(report.rawBytes == index.shards.reduce(0) { $0 + $1.raw.byteCount })
    }

    @Test("verify finds every damaged and every missing shard, and says which ones it cannot judge")
    func verify() throws {
        let directory = try TemporaryDirectory()
        let index = try TestData.write(directory.path, count: 300)
        let data = try MDSDataset(directory: directory.path, log: DataEventLog { _ in })
        #expect(data.verify().isEmpty && data.unverifiableShards.isEmpty)
        try TestData.flip(directory.path + "/" + index.shards[1].raw.name, at: 700)
        try FileManager.default.removeItem(atPath: directory.path + "/" + index.shards[3].raw.name)
        let problems = data.verify().map(\.description)
        #expect(problems.count == 2)
        #expect(problems[0].contains("shard.00001.mds: its xxh64") || problems[0].contains("its xxh64"))
        #expect(problems[1].contains("shard.00003.mds: it is missing"))
        let bare = try TemporaryDirectory()
        try TestData.write(bare.path, hashes: [])
        #expect(try !MDSDataset(directory: bare.path).unverifiableShards.isEmpty)
    }

    @Test("the benchmark reads every sample once", arguments: [nil, "zstd"])
    func bench(_ compression: String?) throws {
        let directory = try TemporaryDirectory()
        let writer = try MDSWriter(
            directory: directory.path, columns: ["tokens": .array(.int32, shape: nil)],
            compression: try compression.map { try Compression($0) }, sizeLimit: 100_000)
        for _ in 0..<200 { try writer.write(["tokens": .integers([Int32](repeating: 5, count: 512))]) }
        try writer.finish()
        let bench = try DatasetBenchmark(directory: directory.path)
        #expect(bench.samples == 200)
        #expect(abs(bench.tokensPerSecond * bench.seconds - 200 * 512) < 1)
        #expect(bench.residentBytes > 1 << 20)
    }
}
