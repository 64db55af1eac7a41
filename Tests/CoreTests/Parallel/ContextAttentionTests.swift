import Core
import Random
import Testing

// B batch, T tokens of a row, H heads, K key/value heads, D head size, c ranks

/// Attention over rows of which each rank has a part is the attention over whole rows.
@Suite struct ContextAttentionTests {
    enum Strategy: String, CaseIterable, Sendable {
        case ring, ulysses
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var (b, t, h, k, d): (Int, Int, Int, Int, Int)
        var window: Int?
        /// Documents of this many tokens.
        var documents: Int?

        var testDescription: String { "[\(b), \(t), \(h), \(k), \(d)] window \(window ?? 0) documents \(documents ?? 0)" }

        init(_ b: Int, _ t: Int, _ h: Int, _ k: Int, _ d: Int, window: Int? = nil, documents: Int? = nil) {
            (self.b, self.t, self.h, self.k, self.d) = (b, t, h, k, d)
            (self.window, self.documents) = (window, documents)
        }
    }

    static let shapes = [
        Shape(2, 24, 12, 12, 3), Shape(1, 24, 12, 3, 4), Shape(1, 48, 12, 1, 2), Shape(1, 24, 12, 4, 5, window: 5),
        Shape(2, 48, 12, 2, 3, documents: 7), Shape(1, 48, 12, 6, 3, window: 4, documents: 11),
        Shape(1, 24, 12, 12, 1, window: 1),
    ]

    /// out, dq, dk and dv at this rank's places of each row, [B, places, ..] flattened.
    private static func results(
        _ shape: Shape, _ dtype: DType, _ runtime: Runtime, _ exchange: any AttentionExchange, _ places: [Int],
        isSideBySide: Bool
    ) -> [[Double]] {
        func values(_ heads: Int, seed: UInt64) -> Tensor {
            let source = Philox(seed: seed, stream: "test")
            let width = heads * shape.d
            var numbers: [Double] = []
            for row in 0..<shape.b {
                for place in places {
                    let first = (row * shape.t + place) * width
                    numbers += (first..<first + width).map { source.uniform(at: UInt64($0)) * 4 - 2 }
                }
            }
            return runtime.tensor(numbers, [shape.b, places.count, heads, shape.d], dtype)
        }
        var mask = AttentionMask(window: shape.window)
        if let length = shape.documents {
            let row = places.map { Int32($0 / length * length) }
            let starts = [[Int32]](repeating: row, count: shape.b).flatMap { $0 }
            mask.documentStart = runtime.tensor(starts, [shape.b, places.count])
        }
        let graph = Graph(runtime, recording: true)
        let seed = values(shape.h, seed: 9)
        if isSideBySide {
            let x = graph.leaf(values(shape.h + 2 * shape.k, seed: 4))
            let out = graph.attention(
                sideBySide: x, keyValueHeads: shape.k, scale: 0.6, mask: mask, exchange: exchange)
            graph.backward(from: [(out, gradient: seed)])
            return [out.doubles(), graph.gradient(of: x)?.doubles() ?? []]
        }
        let leaves = [values(shape.h, seed: 1), values(shape.k, seed: 2), values(shape.k, seed: 3)].map(graph.leaf)
        let out = graph.attention(leaves[0], leaves[1], leaves[2], scale: 0.6, mask: mask, exchange: exchange)
        graph.backward(from: [(out, gradient: seed)])
        return [out.doubles()] + leaves.map { graph.gradient(of: $0)?.doubles() ?? [] }
    }

    /// The largest difference between what ranks find and what one rank finds at their places.
    private static func difference(
        _ shape: Shape, _ strategy: Strategy, ranks: Int, _ dtype: DType, isSideBySide: Bool,
        runtime: @escaping @Sendable () -> Runtime
    ) throws -> Double {
        let all = Array(0..<shape.t)
        let whole = results(shape, dtype, runtime(), WholeAttention(), all, isSideBySide: isSideBySide)
        let chunks = strategy == .ring ? TokenCut.balanced(ranks) : TokenCut.contiguous(ranks)
        var cut = TokenCut()
        cut.chunks = chunks
        let places = (0..<ranks).map { rank in
            cut.rank = rank
            return cut.places(inRow: shape.t)
        }
        let parts = try Loopback.run(MeshShape([.context: ranks]), runtime: { runtime() }) { mesh in
            let exchange: any AttentionExchange = strategy == .ring
                ? RingAttention(mesh.world, chunks: chunks) : UlyssesAttention(mesh.world)
            let found = results(
                shape, dtype, mesh.runtime, exchange, places[mesh.rank], isSideBySide: isSideBySide)
            try mesh.link.check()
            return found
        }
        var largest = 0.0
        for (own, part) in zip(places, parts) {
            for (found, expected) in zip(part, whole) {
                let width = expected.count / (shape.b * shape.t)
                for row in 0..<shape.b {
                    for (place, token) in own.enumerated() {
                        let (a, b) = ((row * own.count + place) * width, (row * shape.t + token) * width)
                        for number in 0..<width {
                            let difference = abs(found[a + number] - expected[b + number])
                            largest = difference.isNaN ? .infinity : max(largest, difference)
                        }
                    }
                }
            }
        }
        return largest
    }

    @Test(arguments: shapes, Strategy.allCases)
    func `results and gradients are those of whole rows`(shape: Shape, strategy: Strategy) throws {
        for ranks in [2, 3, 4] {
            for isSideBySide in [false, true] {
                let difference = try Self.difference(
                    shape, strategy, ranks: ranks, .float64, isSideBySide: isSideBySide) {
                        Runtime(ReferenceBackend())
                    }
                #expect(difference <= 1e-12, "\(ranks) ranks, side by side: \(isSideBySide)")
            }
        }
    }

    @Test(arguments: Strategy.allCases, [DType.float32, .bfloat16])
    func `they are so on the CPU backend within its precision`(strategy: Strategy, dtype: DType) throws {
        for shape in [Shape(2, 240, 4, 2, 16), Shape(1, 480, 4, 1, 24, window: 70, documents: 130)] {
            let difference = try Self.difference(shape, strategy, ranks: 2, dtype, isSideBySide: true) {
                Runtime(CPUBackend(threads: 1))
            }
            #expect(difference <= (dtype == .float32 ? 2e-5 : 0.15))
        }
    }

    @Test func `attention is evenly spread over the ranks of a ring`() {
        // Pairs of queries and keys that each rank's queries see, over chunks of one token.
        let counts = TokenCut.balanced(4).map { chunks in chunks.reduce(0) { $0 + $1 + 1 } }
        #expect(counts == [9, 9, 9, 9])
    }

    @Test(arguments: [1, 2, 3], [0, 1, 5, 16, 17])
    func `every token is one rank's and rows are as long as ranks need`(ranks: Int, length: Int) {
        for chunks in [TokenCut.balanced(ranks), TokenCut.contiguous(ranks)] {
            var cut = TokenCut()
            cut.chunks = chunks
            cut.streamRanks = 2
            let places = (0..<ranks).map { rank in
                cut.rank = rank
                return cut.places(inRow: length)
            }
            #expect(places.flatMap { $0 }.sorted() == Array(0..<cut.paddedLength(length)))
            #expect(places.allSatisfy { $0.count == places[0].count && $0.count % 2 == 0 })
            #expect(cut.paddedLength(length) - length < 2 * chunks.reduce(0) { $0 + $1.count })
        }
    }

    @Test func `a query that sees no key has no result and no gradient`() throws {
        for backend in [ReferenceBackend(), CPUBackend(threads: 1)] as [any Backend] {
            let runtime = Runtime(backend)
            let dtype: DType = backend is CPUBackend ? .float32 : .float64
            let graph = Graph(runtime, recording: true)
            let leaves = (0..<3).map { (number: Int) -> Tensor in
                let values = (0..<8).map { Double(($0 * 5 + number) % 7) - 3 }
                return graph.leaf(runtime.tensor(values, [1, 4, 1, 2], dtype))
            }
            // The last query looks at keys 4 and 5, of which there are none.
            let mask = AttentionMask(window: 2, queryStart: runtime.tensor([Int32(2)], [1]))
            let out = graph.attention(leaves[0], leaves[1], leaves[2], scale: 1, mask: mask)
            #expect(out.doubles().suffix(2) == [0, 0])
            graph.backward(from: [(out, gradient: runtime.full(out.shape, dtype, 1))])
            #expect(graph.gradient(of: leaves[0])?.doubles().suffix(2) == [0, 0])
            #expect(graph.gradient(of: leaves[2])?.doubles().allSatisfy(\.isFinite) == true)
        }
    }
}
