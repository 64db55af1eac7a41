import JSON
import DataLoader
import Foundation
import Testing

@Suite("The loader")
struct LoaderTests {
    static func stream(seed: UInt64 = 4, count: Int = 1000) throws -> OrderedSource {
        try OrderedSource(
            CountingSource(layout: ShardLayout(sizes: repeatElement(50, count: count / 50))),
            shuffle: BlockShuffle(seed: seed, blockSize: 100))
    }

    @Test("a global batch is the same whatever the number of ranks", arguments: [1, 2, 3, 5, 7])
    func ranks(_ rankCount: Int) throws {
        let whole = try Loader(Self.stream(), batchSize: 10)
        let ranks = try (0..<rankCount).map {
            try Loader(Self.stream(), batchSize: 10, rank: $0, rankCount: rankCount)
        }
        for _ in 0..<150 {
            let batch = try whole.next().map(\.number)
            #expect(try ranks.flatMap { try $0.next().map(\.number) } == batch)
            #expect(ranks.allSatisfy { $0.state == whole.state })
        }
    }

    @Test("resuming from any batch gives the rest, also with another number of ranks and another batch size")
    func resume() throws {
        let loader = try Loader(Self.stream(), batchSize: 30)
        var before: [Int] = []
        for _ in 0..<20 { before += try loader.next().map(\.number) }
        let coded = try JSONEncoder().encode(loader.state)
        let state = try JSONDecoder().decode(LoaderState.self, from: coded)
        var after: [Int] = []
        for _ in 0..<30 { after += try loader.next().map(\.number) }
        let ranks = try (0..<2).map {
            try Loader(Self.stream(), batchSize: 20, rank: $0, rankCount: 2, state: state)
        }
        var resumed: [Int] = []
        for _ in 0..<45 { for rank in ranks { resumed += try rank.next().map(\.number) } }
        #expect(resumed == after)
        #expect(Set(before).count == 600)
        #expect(Set((before + after).prefix(1000)).count == 1000)
    }

    @Test("prefetching changes nothing, and the end may leave a short batch")
    func prefetching() throws {
        for depth in [0, 1, 4] {
            let loader = try Loader(Self.stream(), batchSize: 64, end: 1000, prefetchedBatches: depth)
            var ids: [Int] = []
            var batches = 0
            while !loader.isAtEnd {
                ids += try loader.next().map(\.number)
                batches += 1
            }
            #expect(ids.sorted() == Array(0..<1000))
            #expect(batches == 16)
            #expect(try loader.next().isEmpty)
            #expect(loader.epoch == 1)
            #expect(loader.waitSeconds > 0)
        }
    }

    @Test("a state of other data or of another order is refused, and the differences are named")
    func drift() throws {
        let state = try Loader(Self.stream(), batchSize: 1).state
        #expect {
            try Loader(Self.stream(seed: 5), batchSize: 1, state: state)
        } throws: {
            "\($0)".contains("shuffle_seed: was 4, now 5")
        }
        let other = CountingSource(layout: ShardLayout(count: 9), fingerprint: "other")
        #expect {
            try Loader(OrderedSource(other), batchSize: 1, state: state)
        } throws: {
            let text = "\($0)"
            return text.contains("data: was counting, now other") && text.contains("shuffle: was feistel, now none")
        }
    }

    struct Failing: SampleSource {
        let layout = ShardLayout(count: 100)
        let fingerprint = "failing"
        func sample(at index: Int) throws -> Sample {
            if index == 37 { throw DataError("sample 37 is damaged") }
            return try CountingSource(layout: layout).sample(at: index)
        }
    }

    @Test("a sample that cannot be read stops the loader before its batch, again and again")
    func failure() throws {
        let loader = try Loader(OrderedSource(Failing()), batchSize: 10)
        for _ in 0..<3 { _ = try loader.next() }
        for _ in 0..<2 { #expect(throws: DataError.self) { try loader.next() } }
        #expect(loader.cursor == 30)
    }

    @Test("an empty data set is refused")
    func empty() {
        #expect(throws: DataError.self) { try OrderedSource(CountingSource(layout: ShardLayout(count: 0))) }
    }

    @Test(
        "two epochs in the original's order equal what its StreamingDataset yields",
        .enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.reason)))
    func mosaicEpochs() throws {
        let golden = try JSONValue(
            parsing: String(
                contentsOfFile: SharedData.packageRoot + "/Tests/Reference/mds_epochs.json", encoding: .utf8))
        let data = try MDSDataset(directory: SharedData.root + "/mds-real")
        let stream = try OrderedSource(data, shuffle: MosaicShuffle(seed: 9176, canonicalNodeCount: 4, blockSize: 1000))
        let loader = try Loader(stream, batchSize: 4)
        for epoch in try #require(golden.array) {
            var ids: [Int] = []
            for _ in 0..<stream.epochLength / 4 { ids += try loader.next().map { try $0.column("id").integer() } }
            #expect(ids.count == epoch["count"]?.integer)
            let text = Array(ids.map(String.init).joined(separator: ",").utf8)
            #expect(text.withUnsafeBytes { HashAlgorithm.sha256.digest(of: $0) } == epoch["digest"]?.string)
        }
    }
}
