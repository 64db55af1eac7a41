import Core
import PluginTestKit
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
    static let levels: [[DType]] =
        CPUBackend(threads: 1).capabilities.fastTypes.contains(.bfloat16) ? [[.float32, .bfloat16], [.float32], []] : [[]]

    static var backends: [CPUBackend] { levels.map { CPUBackend(threads: 2, blas: .best, panelTypes: $0) } }

    typealias Pair = (cpu: BufferView, reference: BufferView)

    /// Integers on both backends.
    private func integers(_ fixture: CPUFixture, _ values: [Int32], _ shape: [Int]) -> Pair {
        (
            Runtime(fixture.cpu).tensor(values, shape).view, Runtime(fixture.reference).tensor(values, shape).view
        )
    }

    /// The largest difference of out, log-sum-exp, dq, dk and dv from the composition.
    private func difference(
        _ shape: Shape, _ dtype: DType, _ fixture: CPUFixture, q: Pair, k: Pair, v: Pair, scale: Double = 0.3
    ) -> Double {
        let (b, t, s) = (shape.b, shape.t, shape.s)
        let (queries, keys) = ([b, t, shape.h, shape.d], [b, s, shape.k, shape.d])
        let out = fixture.views(queries, dtype, seed: 4), dout = fixture.views(queries, dtype, seed: 5)
        let kept = fixture.views([b, shape.h, t], .float32, seed: 6)
        let (dq, dk) = (fixture.views(queries, dtype, seed: 7), fixture.views(keys, dtype, seed: 8))
        let dv = fixture.views(keys, dtype, seed: 9)
        let starts = integers(fixture, (0..<b).map { Int32(max(s - t - 30 * ($0 + 1), 0)) }, [b])
        let documents = shape.documents.map { length in
            integers(
                fixture,
                (0..<b * t).map { index in
                    let first = shape.hasStarts ? max(s - t - 30 * (index / t + 1), 0) : s - t
                    return Int32((first + index % t) / length * length)
                }, [b, t])
        }
        func forward(_ isCPU: Bool) -> Attention {
            Attention(
                q: pick(q, isCPU), k: pick(k, isCPU), v: pick(v, isCPU), out: pick(out, isCPU),
                logSumExp: pick(kept, isCPU), scale: scale, window: shape.window,
                queryStart: shape.hasStarts ? pick(starts, isCPU) : nil,
                documentStart: documents.map { pick($0, isCPU) })
        }
        let first = fixture.difference({ .attention(forward($0)) }, results: [out, kept])
        let second = fixture.difference(
            { isCPU in
                .attentionBackward(
                    AttentionBackward(
                        forward: forward(isCPU), dout: pick(dout, isCPU), dq: pick(dq, isCPU), dk: pick(dk, isCPU),
                        dv: pick(dv, isCPU)))
            }, results: [dq, dk, dv])
        return max(first, second)
    }

    private func tolerance(_ dtype: DType) -> Double { dtype == .float32 ? 1e-5 : 2e-2 }

    @Test(arguments: shapes)
    func `results and gradients agree with the composition at every level`(shape: Shape) {
        for backend in Self.backends {
            let fixture = CPUFixture(backend)
            for dtype in [DType.float32, .bfloat16] {
                let keys = [shape.b, shape.s, shape.k, shape.d]
                let worst = difference(
                    shape, dtype, fixture, q: fixture.views([shape.b, shape.t, shape.h, shape.d], dtype, seed: 1),
                    k: fixture.views(keys, dtype, seed: 2), v: fixture.views(keys, dtype, seed: 3))
                #expect(worst <= tolerance(dtype), "\(dtype) \(backend.capabilities.fastTypes)")
            }
        }
    }

    @Test func `queries, keys and values may be parts of one array`() {
        let shape = Shape(2, 130, 130, 4, 2, 24)
        for backend in Self.backends {
            let fixture = CPUFixture(backend)
            for dtype in [DType.float32, .bfloat16] {
                // 4 heads of queries and 2 of keys and of values, 24 wide, in rows of 200 numbers.
                func part(_ heads: Int, _ offset: Int) -> Pair {
                    fixture.views(
                        [2, 130, heads, 24], dtype, strides: [130 * 200, 200, 24, 1], seed: 1, offset: offset)
                }
                let worst = difference(shape, dtype, fixture, q: part(4, 3), k: part(2, 99), v: part(2, 147))
                #expect(worst <= tolerance(dtype), "\(dtype) \(backend.capabilities.fastTypes)")
            }
        }
    }

    @Test func `a scale of zero averages, and a negative one is composed`() {
        let fixture = CPUFixture()
        let shape = Shape(1, 20, 20, 1, 1, 16)
        let views = (1...3).map { fixture.views([1, 20, 1, 16], seed: $0) }
        for scale in [0, -0.5] {
            #expect(
                difference(shape, .float32, fixture, q: views[0], k: views[1], v: views[2], scale: scale) <= 1e-5)
        }
    }

    /// out, then dq, dk and dv.
    private func results(_ shape: Shape, _ dtype: DType, _ backend: CPUBackend) -> [[Float]] {
        let fixture = CPUFixture(backend)
        let graph = Graph(Runtime(backend), recording: true)
        let leaves = [shape.t, shape.s, shape.s].enumerated().map { index, length in
            let view = fixture.views(
                [shape.b, length, index == 0 ? shape.h : shape.k, shape.d], dtype, seed: UInt64(index)
            ).cpu
            return graph.leaf(Tensor(view, graph.runtime))
        }
        let out = graph.attention(
            leaves[0], leaves[1], leaves[2], scale: 0.125, mask: AttentionMask(window: shape.window))
        let seed = Tensor(fixture.views(out.shape, dtype, seed: 3).cpu, graph.runtime)
        for compute in graph.backward(from: [(out, gradient: seed)]) { compute() }
        return [out.floats()] + leaves.map { graph.gradient(of: $0)?.floats() ?? [] }
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
                    let other = CPUBackend(threads: threads, blas: .best, panelTypes: types)
                    #expect(results(shape, dtype, other) == expected, "\(threads) threads, \(dtype), \(types)")
                }
            }
        }
    }

    @Test(arguments: [(64, nil), (40, 77), (17, nil)] as [(Int, Int?)])
    func `a prompt gives the same bits whole and in parts`(size: Int, window: Int?) {
        for backend in Self.backends {
            let fixture = CPUFixture(backend)
            let runtime = Runtime(backend)
            for dtype in [DType.float32, .bfloat16] {
                let q = fixture.views([2, 430, 4, size], dtype, seed: 1).cpu
                let k = Tensor(fixture.views([2, 430, 2, size], dtype, seed: 2).cpu, runtime)
                let v = Tensor(fixture.views([2, 430, 2, size], dtype, seed: 3).cpu, runtime)
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
            let fixture = CPUFixture(backend)
            let runtime = Runtime(backend)
            for dtype in [DType.float32, .bfloat16] {
                let q = Tensor(fixture.views([1, 9, 1, 16], dtype, seed: 1).cpu, runtime)
                let k = Tensor(fixture.views([1, 40, 1, 16], dtype, seed: 2).cpu, runtime)
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
