import Core
import Random
import Testing

// B batch, T queries, S keys, H heads, K key/value heads, D head size

/// Attention in tiles on every level of kernels that this CPU runs, against the composition in float64.
@Suite struct CPUAttentionTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var (b, t, s, h, k, d): (Int, Int, Int, Int, Int, Int)
        var window: Int?
        /// Queries start at earlier keys than S - T.
        var hasStarts = false
        /// Documents of this many tokens.
        var documents: Int?

        var testDescription: String {
            "[\(b), \(t), \(s), \(h), \(k), \(d)] window \(window ?? 0) starts \(hasStarts) documents \(documents ?? 0)"
        }

        init(
            _ b: Int, _ t: Int, _ s: Int, _ h: Int, _ k: Int, _ d: Int, window: Int? = nil, starts: Bool = false,
            documents: Int? = nil
        ) {
            (self.b, self.t, self.s, self.h, self.k, self.d) = (b, t, s, h, k, d)
            (self.window, hasStarts, self.documents) = (window, starts, documents)
        }
    }

    static let shapes: [Shape] = [
        Shape(1, 1, 1, 1, 1, 1), Shape(2, 2, 2, 2, 1, 7), Shape(1, 5, 5, 1, 1, 16), Shape(2, 63, 63, 2, 2, 8),
        Shape(1, 64, 64, 3, 1, 48), Shape(1, 65, 129, 2, 1, 64), Shape(1, 127, 127, 1, 1, 80),
        Shape(1, 129, 300, 4, 2, 33), Shape(1, 300, 300, 3, 3, 64), Shape(1, 193, 193, 1, 1, 128),
        Shape(1, 97, 290, 1, 1, 256), Shape(1, 13, 577, 2, 2, 17),
        Shape(1, 300, 300, 2, 1, 16, window: 1), Shape(1, 450, 450, 2, 1, 64, window: 130),
        Shape(2, 150, 290, 4, 2, 8, window: 70), Shape(3, 100, 400, 1, 1, 32, starts: true),
        Shape(1, 420, 420, 3, 1, 64, documents: 50), Shape(2, 400, 400, 2, 2, 16, documents: 1),
        Shape(1, 390, 390, 2, 1, 24, window: 33, documents: 101),
        Shape(2, 140, 300, 2, 1, 12, window: 100, starts: true, documents: 70),
    ]

    /// Kernels for bfloat16 pairs, for float32 words (also of bfloat16 arrays), and for any CPU.
    static let levels: [[DType]] = CPUBackend(threads: 1).capabilities.fastTypes.contains(.bfloat16)
        ? [[.float32, .bfloat16], [.float32], []] : [[]]

    static var backends: [CPUBackend] { levels.map { CPUBackend(threads: 2, panelTypes: $0) } }

    /// out, then dq, dk and dv, for the same numbers on every backend; `inputs` instead of dense q, k and v.
    private func results(
        _ shape: Shape, _ dtype: DType, _ backend: any Backend, scale: Double = 0.3, inputs: [BufferView]? = nil
    ) -> [[Double]] {
        let runtime = Runtime(backend)
        let (b, t, s) = (shape.b, shape.t, shape.s)
        let (queries, keys) = ([b, t, shape.h, shape.d], [b, s, shape.k, shape.d])
        func view(_ shape: [Int], seed: UInt64) -> BufferView { Self.view(shape, dtype, runtime, seed: seed) }
        let dense = [queries, keys, keys].enumerated().map { view($1, seed: UInt64($0)) }
        let first = (0..<b).map { shape.hasStarts ? max(s - t - 30 * ($0 + 1), 0) : s - t }
        var mask = AttentionMask(window: shape.window)
        if shape.hasStarts { mask.queryStart = runtime.tensor(first.map { Int32($0) }, [b]) }
        if let length = shape.documents {
            let starts = (0..<b * t).map { Int32((first[$0 / t] + $0 % t) / length * length) }
            mask.documentStart = runtime.tensor(starts, [b, t])
        }
        let graph = Graph(runtime, recording: true)
        let leaves = (inputs ?? dense).map { graph.leaf(Tensor($0, runtime)) }
        let out = graph.attention(leaves[0], leaves[1], leaves[2], scale: scale, mask: mask)
        let seed = Tensor(view(queries, seed: 3), runtime)
        for compute in graph.backward(from: [(out, gradient: seed)]) { compute() }
        return [out.doubles()] + leaves.map { graph.gradient(of: $0)?.doubles() ?? [] }
    }

    /// Random values, in rows of `strides` from `offset` on where given.
    private static func view(
        _ shape: [Int], _ dtype: DType, _ runtime: Runtime, seed: UInt64, strides: [Int]? = nil, offset: Int = 0
    ) -> BufferView {
        let strides = strides ?? BufferView.rowMajorStrides(shape)
        let count = zip(shape, strides).map { max($0 - 1, 0) * $1 }.reduce(1 + offset, +)
        let source = Philox(seed: seed, stream: "test")
        let values = (0..<count).map { source.uniform(at: UInt64($0)) * 4 - 2 }
        let tensor = runtime.tensor(values, [count]).cast(to: dtype)
        return BufferView(
            buffer: tensor.view.buffer, offset: offset, shape: shape, strides: strides, dtype: dtype)
    }

    /// The largest difference, relative to the largest value of its array where that exceeds 1 (inputs reach 2).
    private func difference(_ found: [[Double]], _ expected: [[Double]]) -> Double {
        zip(found, expected).map { found, expected in
            let scale = max(expected.map { abs($0) }.max() ?? 1, 1)
            return zip(found, expected).map { $0 == $1 ? 0 : abs($0 - $1) / scale }
                .reduce(found.count == expected.count ? 0 : .infinity) { $1.isNaN ? .infinity : max($0, $1) }
        }.max() ?? 0
    }

    private func tolerance(_ dtype: DType) -> Double { dtype == .float32 ? 1e-5 : 2e-2 }

    @Test(arguments: shapes, [DType.float32, .bfloat16])
    func `results and gradients agree with the composition at every level`(shape: Shape, dtype: DType) {
        let expected = results(shape, dtype, ReferenceBackend())
        for (backend, level) in zip(Self.backends, Self.levels) {
            #expect(difference(results(shape, dtype, backend), expected) <= tolerance(dtype), "\(level)")
        }
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func `queries, keys and values may be parts of one array`(dtype: DType) {
        let shape = Shape(2, 130, 130, 4, 2, 24)
        // 4 heads of queries, 2 of keys and 2 of values, 24 wide, in rows of 200 numbers.
        func parts(_ backend: any Backend) -> [BufferView] {
            [(4, 3), (2, 99), (2, 147)].map { heads, offset in
                Self.view(
                    [2, 130, heads, 24], dtype, Runtime(backend), seed: 1, strides: [130 * 200, 200, 24, 1],
                    offset: offset)
            }
        }
        let reference = ReferenceBackend()
        let expected = results(shape, dtype, reference, inputs: parts(reference))
        for (backend, level) in zip(Self.backends, Self.levels) {
            let found = results(shape, dtype, backend, inputs: parts(backend))
            #expect(difference(found, expected) <= tolerance(dtype), "\(level)")
        }
    }

    @Test(arguments: [0, -0.5])
    func `a scale of zero averages, and a negative one is composed`(scale: Double) {
        let shape = Shape(1, 20, 20, 1, 1, 16)
        let expected = results(shape, .float32, ReferenceBackend(), scale: scale)
        for (backend, level) in zip(Self.backends, Self.levels) {
            #expect(difference(results(shape, .float32, backend, scale: scale), expected) <= 1e-5, "\(level)")
        }
    }

    @Test(arguments: [
        Shape(1, 700, 700, 6, 3, 64), Shape(4, 200, 200, 2, 2, 40), Shape(1, 610, 800, 1, 1, 16, window: 300),
    ])
    func `results do not depend on the number of threads`(shape: Shape) {
        for (backend, types) in zip(Self.backends, Self.levels) {
            for dtype in [DType.float32, .bfloat16] {
                let expected = results(shape, dtype, backend)
                #expect(!expected.contains { $0.isEmpty || $0.contains { !$0.isFinite } })
                for threads in [1, 3, 5] {
                    let other = CPUBackend(threads: threads, panelTypes: types)
                    #expect(results(shape, dtype, other) == expected, "\(threads) threads, \(dtype), \(types)")
                }
            }
        }
    }

    @Test(arguments: [(64, nil), (40, 77), (17, nil)] as [(Int, Int?)])
    func `a prompt gives the same bits whole and in parts`(size: Int, window: Int?) {
        for backend in Self.backends {
            let runtime = Runtime(backend)
            for dtype in [DType.float32, .bfloat16] {
                let q = Self.view([2, 430, 4, size], dtype, runtime, seed: 1)
                let k = Tensor(Self.view([2, 430, 2, size], dtype, runtime, seed: 2), runtime)
                let v = Tensor(Self.view([2, 430, 2, size], dtype, runtime, seed: 3), runtime)
                func part(_ range: Range<Int>) -> Tensor {
                    let start = runtime.tensor([Int32(range.lowerBound), Int32(range.lowerBound)], [2])
                    return Graph(runtime, recording: false).attention(
                        Tensor(q.sliced(dim: 1, range), runtime), k, v, scale: 0.125,
                        mask: AttentionMask(window: window, queryStart: start))
                }
                let whole = part(0..<430)
                for range in [0..<100, 100..<107, 107..<430] {
                    let expected = Tensor(whole.view.sliced(dim: 1, range), runtime)
                    #expect(part(range).floats() == expected.floats(), "\(range) \(dtype)")
                }
            }
        }
    }

    @Test func `a query that sees nothing gives zeros and passes no gradient`() {
        for backend in Self.backends {
            // The first 10 queries lie before the first key.
            let found = results(Shape(1, 30, 20, 1, 1, 16), .float32, backend)
            #expect(found[0].prefix(160).allSatisfy { $0 == 0 } && found[1].prefix(160).allSatisfy { $0 == 0 })
            #expect(!found.contains { $0.contains { !$0.isFinite } })
            #expect(found[0].dropFirst(160).contains { $0 != 0 })
        }
    }

    @Test func `what lies behind the last query's key is never read`() {
        for backend in Self.backends {
            let runtime = Runtime(backend)
            for dtype in [DType.float32, .bfloat16] {
                let q = Tensor(Self.view([1, 9, 1, 16], dtype, runtime, seed: 1), runtime)
                let k = Tensor(Self.view([1, 40, 1, 16], dtype, runtime, seed: 2), runtime)
                let start = runtime.tensor([Int32(0)], [1])
                runtime.run(.fill(k.view.sliced(dim: 1, 9..<40), value: .nan))
                let out = Graph(runtime, recording: false)
                    .attention(q, k, k, scale: 0.25, mask: AttentionMask(queryStart: start))
                #expect(!out.floats().contains { !$0.isFinite }, "\(dtype)")
            }
        }
    }

    @Test func `memory grows with the length, not with its square`() {
        for backend in Self.backends {
            let length = 4000
            _ = results(Shape(1, length, length, 1, 1, 16), .float32, backend)
            #expect(backend.capabilities.peakByteCount < length * length)
        }
    }
}
