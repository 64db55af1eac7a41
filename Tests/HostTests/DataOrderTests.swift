import DataLoader
import Foundation
import Host
import PluginAPI
import Testing

@Suite("data order")
struct DataOrderTests {
    let work: DataWorkspace
    let data: String

    init() throws {
        work = try DataWorkspace()
        data = work.path("mds")
        let writer = try MDSWriter(directory: data, columns: ["n": .int], sizeLimit: 400)
        for number in 0..<103 { try writer.write(["n": .integer(number)]) }
        try writer.finish()
    }

    @Test("--raw prints MosaicML's order before it is dealt", arguments: ["py1e", "py1br", "py1s", "py2s", "naive"])
    func raw(name: String) throws {
        let layout = try MDSDataset(directory: data).layout
        #expect(layout.shardCount > 3)
        let algorithm = try #require(MosaicShuffle.Algorithm(rawValue: name))
        let expected = try MosaicShuffle(algorithm, seed: 7, canonicalNodeCount: 2, blockSize: 40)
            .rawOrder(epoch: 3, of: layout)
        let lines = try work.data(
            "order", data, "--epoch", "3", "--seed", "7", "--shuffle", name, "--batch-size", "4", "--canonical-nodes", "2",
            "--shuffle-block-size", "40", "--raw")
        #expect(lines == expected.map(String.init))
    }

    @Test("samples are dealt to nodes and ranks as MosaicML does, one line a rank")
    func dealt() throws {
        let layout = try MDSDataset(directory: data).layout
        let ids = try MosaicShuffle(.py1e, seed: 7, canonicalNodeCount: 2).rawOrder(epoch: 0, of: layout)
        let dealt = try MosaicPartition.deal(
            sampleCount: 103, canonicalNodeCount: 2, nodeCount: 2, ranksPerNode: 3, batchSize: 5)
        let expected = dealt.joined().map { rank in
            rank.compactMap { $0.map { String(ids[$0]) } }.joined(separator: " ")
        }
        let lines = try work.data(
            "order", data, "--seed", "7", "--shuffle", "py1e", "--batch-size", "5", "--nodes", "2", "--ranks", "3")
        #expect(lines == expected && lines.count == 6)
    }

    @Test("the own order is a permutation, and ranks together read what one rank reads")
    func own() throws {
        let arguments = ["order", data, "--epoch", "1", "--seed", "9", "--shuffle", "feistel"]
        let one = try work.run(arguments + ["--batch-size", "8"]).compactMap(Int.init)
        #expect(one.sorted() == Array(0..<103) && one != Array(0..<103))
        let two = try work.run(arguments + ["--batch-size", "4", "--ranks", "2"])
            .map { $0.split(separator: " ").compactMap { Int($0) } }
        let batches = stride(from: 0, to: 103, by: 8).map { Array(one[$0..<min($0 + 8, 103)]) }
        #expect(two[0] == batches.flatMap { $0.prefix(4) } && two[1] == batches.flatMap { $0.dropFirst(4) })
        #expect(try work.data("order", data, "--shuffle", "none") == (0..<103).map(String.init))
    }

    @Test("wrong options are listed at once, an unknown order with the nearest name")
    func wrong() throws {
        let error = #expect(throws: InputError.self) {
            try work.data("order", data, "--shuffle", "py1f", "--batch-size", "0", "--nodes", "0")
        }
        #expect(
            error?.description == """
                --batch-size: found 0, expected 1 to 1048576
                --nodes: found 0, expected 1 to 1048576
                --shuffle: found 'py1f'; did you mean 'py1e'? known: feistel, none, py1e, py1br, py1s, py2s, naive, \
                mosaic-none
                """)
    }
}

extension DataWorkspace {
    fileprivate func run(_ arguments: [String]) throws -> [String] { try results(DataCommand.self, arguments) }
}
