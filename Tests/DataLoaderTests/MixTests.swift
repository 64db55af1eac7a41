import DataLoader
import Foundation
import Testing

@Suite("Mixes")
struct MixTests {
    static func mix(_ weights: [Double], seed: UInt64 = 11) throws -> MixedStream {
        try MixedStream(
            weights.enumerated().map { number, weight in
                let source = CountingSource(layout: ShardLayout(count: 700 + number), fingerprint: "source \(number)")
                let stream = try OrderedSource(source, shuffle: BlockShuffle(seed: UInt64(number), blockSize: 64))
                return MixedStream.Part(name: "source \(number)", stream: stream, weight: weight)
            }, seed: seed)
    }

    @Test(
        "proportions are within 0.5 % of each share over 100,000 samples",
        arguments: [[5, 3, 2], [0.9, 0.09, 0.01], [1, 1, 1]])
    func proportions(_ weights: [Double]) throws {
        let mix = try Self.mix(weights)
        var counts = [0, 0, 0]
        for position in 0..<100_000 { counts[mix.part(at: position).number] += 1 }
        let total = weights.reduce(0, +)
        for (count, weight) in zip(counts, weights) {
            let share = 100_000 * weight / total
            #expect(abs(Double(count) - share) <= 2, "\(counts)")
            #expect(abs(Double(count) - share) <= 0.005 * share)
        }
    }

    @Test("every part is read in its own order, without gaps")
    func positions() throws {
        let mix = try Self.mix([5, 3, 2])
        var next = [0, 0, 0]
        for position in 0..<5000 {
            let part = mix.part(at: position)
            #expect(part.position == next[part.number])
            next[part.number] += 1
        }
    }

    @Test("the order after resuming equals the order without a stop")
    func resume() throws {
        let loader = try Loader(Self.mix([5, 3, 2]), batchSize: 48)
        for _ in 0..<77 { _ = try loader.next() }
        let state = loader.state
        let rest = try (0..<60).flatMap { _ in try loader.next().map(\.id) }
        let resumed = try Loader(Self.mix([5, 3, 2]), batchSize: 96, state: state)
        #expect(try (0..<30).flatMap { _ in try resumed.next().map(\.id) } == rest)
        #expect(throws: DataError.self) { try Loader(Self.mix([5, 3, 3]), batchSize: 1, state: state) }
    }

    @Test("mixes nest, are not periodic, and refuse weights that are not positive")
    func nesting() throws {
        let inner = try Self.mix([1, 2])
        let outer = try MixedStream(
            [.init(name: "a", stream: inner, weight: 3), .init(name: "b", stream: Self.mix([1]), weight: 1)], seed: 2)
        _ = try Loader(outer, batchSize: 100).next()
        #expect(outer.plan["part.0.part.1.weight"] == "2.0")
        let pattern = try (0..<64).map { try Self.mix([1, 1]).part(at: $0).number }
        #expect(pattern != (0..<64).map { $0 % 2 } && pattern != (0..<64).map { 1 - $0 % 2 })
        #expect { try Self.mix([1, 0]) } throws: { "\($0)".contains("source 1 has 0.0") }
        #expect(throws: DataError.self) { try MixedStream([], seed: 0) }
    }
}
