import DataLoader
import Foundation
import Testing

@Suite("Orders")
struct OrderTests {
    @Test("a permutation is a bijection of any size", arguments: [0, 1, 2, 3, 5, 16, 17, 1000, 4097])
    func bijection(_ count: Int) {
        let permutation = Permutation(count: count, seed: 5, stream: "test")
        #expect((0..<count).map { permutation($0) }.sorted() == Array(0..<count))
    }

    @Test("small permutations send every position everywhere equally often")
    func uniform() {
        var hits = [[Int]](repeating: [Int](repeating: 0, count: 5), count: 5)
        for seed in 0..<20_000 {
            let permutation = Permutation(count: 5, seed: UInt64(seed), stream: "test")
            for position in 0..<5 { hits[position][permutation(position)] += 1 }
        }
        for row in hits { for count in row { #expect(abs(count - 4000) < 300) } }
    }

    @Test("an epoch reads every sample once, epochs and seeds differ, and a block opens few shards")
    func blocks() {
        let sizes = [10, 0, 33, 7, 50, 50, 1, 49, 100, 20]
        let layout = ShardLayout(sizes: sizes)
        func ids(_ seed: UInt64, _ epoch: Int) -> [Int] {
            let order = BlockShuffle(seed: seed, blockSize: 64).order(epoch: epoch, of: layout)
            return (0..<order.count).map { order.index(at: $0) }
        }
        let first = ids(1, 0)
        #expect(first.sorted() == Array(0..<320))
        #expect(first == ids(1, 0))
        #expect(first != ids(1, 1))
        // Additive seeds would make these two equal.
        #expect(ids(1, 1) != ids(2, 0))
        var seen: Set<Int> = []
        var opened = 0
        for block in stride(from: 0, to: 320, by: 64) {
            let shards = Set(first[block..<block + 64].map(layout.shard(of:)))
            opened += shards.count
            seen.formUnion(shards)
        }
        #expect(seen.count == 9)
        #expect(opened <= 9 + 4, "each shard is opened once, or twice at the border of two blocks")
    }

    @Test("neighbouring positions are not neighbouring samples")
    func mixes() {
        let order = BlockShuffle(seed: 9, blockSize: 4096).order(epoch: 0, of: ShardLayout(count: 4096))
        let steps = (1..<4096).filter { abs(order.index(at: $0) - order.index(at: $0 - 1)) == 1 }
        #expect(steps.count < 20)
    }

    @Test("2.7 billion samples: first sample and resume take less than a second and little memory")
    func huge() throws {
        let shards = 329_590
        let layout = ShardLayout(sizes: repeatElement(8192, count: shards), totalBytes: shards * 8192 * 8200)
        let source = CountingSource(layout: layout)
        let clock = ContinuousClock()
        var first: Loader?
        let start = try clock.measure {
            first = try Loader(OrderedSource(source, shuffle: BlockShuffle(seed: 3)), batchSize: 512)
            _ = try first?.next()
        }
        #expect(start < .seconds(1))
        var state = try #require(first).state
        state.cursor = 2_345_678_901
        var resumed: [Int] = []
        let resume = try clock.measure {
            let stream = try OrderedSource(source, shuffle: BlockShuffle(seed: 3))
            resumed = try Loader(stream, batchSize: 512, state: state).next().map(\.number)
        }
        #expect(resume < .seconds(1))
        #expect(Set(resumed).count == 512)
    }
}
