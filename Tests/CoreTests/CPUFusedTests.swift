import Core
import PluginTestKit
import Testing

// N rows, C width, B batch, T queries, S keys, H heads, K key/value heads, D head size, V vocabulary

/// Differentiable operations on the CPU backend, forward and backward, against compositions in float64.
@Suite struct CPUFusedTests {
    /// Shapes that cross the kernels' blocks, beside the small ones of the gradient check.
    static let large: [GradientCheckCase] = norms + gates + rotations + attentions + scores
        + GradientCheckCase.manyExperts

    @Test(arguments: GradientCheckCase.all + large)
    func `results and gradients agree with the reference`(operation: GradientCheckCase) {
        let expected = GradientCheck(operation, Runtime(ReferenceBackend()), .float64).run()
        for (dtype, tolerance) in [(DType.float32, 2e-5), (.bfloat16, 6e-2)] {
            let found = GradientCheck(operation, Runtime(CPUBackend(threads: 2)), dtype).run()
            for (a, b) in zip(expected.outputs + expected.gradients, found.outputs + found.gradients) {
                let scale = max(a.map { abs($0) }.max() ?? 1, 0.1)
                let worst = zip(a, b).map { abs($0 - $1) }.max() ?? 0
                #expect(worst <= tolerance * scale, "\(dtype)")
                #expect(!b.contains { !$0.isFinite }, "\(dtype)")
            }
        }
    }

    @Test(arguments: large)
    func `nothing of it is composed, and it repeats bit for bit`(operation: GradientCheckCase) {
        var notices: [String] = []
        let first = GradientCheck(operation, Runtime(CPUBackend(threads: 2)) { notices.append($0) }, .float32).run()
        #expect(notices == [])
        let second = GradientCheck(operation, Runtime(CPUBackend(threads: 2)), .float32).run()
        #expect(first.outputs == second.outputs && first.gradients == second.gradients)
    }

    @Test(arguments: large)
    func `results do not depend on the number of threads where products are taken by panels`(
        operation: GradientCheckCase
    ) {
        let (one, many) = (CPUBackend(threads: 1), CPUBackend(threads: 5))
        guard one.capabilities.fastTypes.contains(.bfloat16) else { return }
        let first = GradientCheck(operation, Runtime(one), .float32).run()
        let second = GradientCheck(operation, Runtime(many), .float32).run()
        #expect(first.outputs == second.outputs && first.gradients == second.gradients)
    }

    @Test func `a decoding step does not depend on what else is in the batch`() {
        let fixture = CPUFixture()
        let runtime = Runtime(fixture.cpu)
        let (q, k) = (fixture.views([3, 1, 6, 64], seed: 1).cpu, fixture.views([3, 70, 2, 64], seed: 2).cpu)
        let v = fixture.views([3, 70, 2, 64], seed: 3).cpu
        let starts = runtime.tensor([Int32](arrayLiteral: 69, 31, 50), [3]).view
        func decode(_ range: Range<Int>) -> [Float] {
            let parts = [q, k, v, starts].map { Tensor($0.sliced(dim: 0, range), runtime) }
            let mask = AttentionMask(queryStart: parts[3])
            return Graph(runtime, recording: false)
                .attention(parts[0], parts[1], parts[2], scale: 0.125, mask: mask).floats()
        }
        #expect(decode(0..<3) == decode(0..<1) + decode(1..<2) + decode(2..<3))
    }

    private static var norms: [GradientCheckCase] {
        [[0, 7], [1, 1], [5, 7], [130, 33], [3, 2050], [300, 64]].flatMap { shape in
            [
                GradientCheckCase("rms norm \(shape)", [shape], [[shape[1]]]) { graph, x, w in
                    [graph.rmsNorm(x[0], w[0], epsilon: 1e-2)]
                },
                GradientCheckCase("rms norm and its input \(shape)", [shape], [[shape[1]]]) { graph, x, w in
                    let (norm, input) = graph.normAndInput(x[0], w[0], epsilon: 1e-2)
                    return [norm, input]
                },
                GradientCheckCase("layer norm \(shape)", [shape], [[shape[1]], [shape[1]]]) { graph, x, w in
                    [graph.layerNorm(x[0], w[0], w[1], epsilon: 1e-2)]
                },
            ]
        }
    }

    private static var gates: [GradientCheckCase] {
        [[0, 6], [3, 2], [2, 3, 34], [5, 130], [40, 700]].flatMap { shape in
            [
                GradientCheckCase("gated halves \(shape)", [shape]) { graph, x, _ in
                    [graph.gated(.silu, halves: x[0])]
                },
                GradientCheckCase("gated \(shape)", [shape, shape]) { graph, x, _ in
                    [graph.gated(.silu, gate: x[0], up: x[1])]
                },
            ]
        }
    }

    private static var rotations: [GradientCheckCase] {
        [
            (1, 0, 2, 8, 8), (1, 1, 1, 2, 2), (2, 5, 3, 10, 6), (2, 3, 1, 7, 4), (1, 40, 4, 64, 64),
        ].map { (b, t, h, d, rotated) in
            GradientCheckCase("rotary \(rotated) of \(d), \(t) tokens", [[b, t, h, d]]) { graph, x, _ in
                let (cosine, sine) = Rope(theta: 100, dimCount: rotated).tables(count: 50, x[0].dtype, graph.runtime)
                let positions = graph.runtime.tensor((0..<b * t).map { Int32(($0 * 7) % 50) }, [b, t])
                return [graph.rotary(x[0], cosine: cosine, sine: sine, positions: positions)]
            }
        }
    }

    private static var attentions: [GradientCheckCase] {
        func attention(
            _ name: String, _ b: Int, _ t: Int, _ s: Int, _ h: Int, _ k: Int, _ d: Int, window: Int? = nil,
            starts: Bool = false, documents: Bool = false
        ) -> GradientCheckCase {
            GradientCheckCase("attention \(name)", [[b, t, h, d], [b, s, k, d], [b, s, k, d]]) { graph, x, _ in
                let first = graph.runtime.tensor((0..<b).map { Int32(max(s - t - 3 * $0, 0)) }, [b])
                let document = graph.runtime.tensor((0..<b * t).map { Int32(($0 % t) / 50 * 50) }, [b, t])
                let mask = AttentionMask(
                    window: window, queryStart: starts ? first : nil, documentStart: documents ? document : nil)
                return [graph.attention(x[0], x[1], x[2], scale: 0.3, mask: mask)]
            }
        }
        return [
            attention("of one", 1, 1, 1, 1, 1, 1), attention("decoding", 2, 1, 37, 6, 2, 16),
            attention("decoding with a window", 2, 1, 300, 2, 2, 64, window: 13, starts: true),
            attention("few queries", 3, 3, 20, 2, 1, 5, starts: true),
            attention("documents", 1, 130, 130, 3, 3, 16, documents: true),
            attention("long window", 2, 150, 290, 4, 2, 8, window: 70),
            attention("everything", 2, 140, 300, 2, 1, 12, window: 100, starts: true, documents: true),
            attention("several blocks", 1, 400, 400, 2, 1, 64),
        ]
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func `a position's scores and gradient do not depend on the other positions`(dtype: DType) {
        let backend = CPUBackend(threads: 2)
        // Promised for products by panels only.
        guard backend.capabilities.fastTypes.contains(.bfloat16) else { return }
        let (fixture, runtime) = (CPUFixture(), Runtime(backend))
        func values(_ shape: [Int], seed: UInt64) -> Tensor {
            Tensor(fixture.views(shape, dtype, seed: seed).cpu, runtime)
        }
        let (hidden, head) = (values([4200, 8], seed: 1), values([2500, 8], seed: 2))
        let targets = runtime.tensor((0..<4200).map { Int32($0 * 7 % 2500) }, [4200])
        func score(_ range: Range<Int>) -> [[Float]] {
            let graph = Graph(runtime, recording: true)
            let leaf = graph.leaf(Tensor(hidden.view.sliced(dim: 0, range), runtime))
            let scores = graph.score(
                leaf, head: Parameter(name: "head", value: head, gradient: nil),
                targets: Tensor(targets.view.sliced(dim: 0, range), runtime), temperature: 0.5)
            let outputs = [scores.logProb, scores.logSumExp, scores.meanLogProb, scores.entropy]
            graph.backward(from: outputs.map { ($0, gradient: runtime.full([range.count], .float32, 0.3)) })
            return (outputs + [graph.gradient(of: leaf)].compactMap(\.self)).map { $0.floats() }
        }
        let (all, middle) = (score(0..<4200), score(2000..<2150))
        #expect(all.count == 5)
        for (whole, part) in zip(all, middle) {
            let width = whole.count / 4200
            #expect(part == Array(whole[2000 * width..<2150 * width]))
        }
    }

    @Test(arguments: [DType.float32, .bfloat16], [nil, 30.0])
    func `scores and gradients are the same bits however much of the logits stays`(dtype: DType, softcap: Double?) {
        let (fixture, runtime) = (CPUFixture(), Runtime(CPUBackend(threads: 2)))
        func values(_ shape: [Int], seed: UInt64) -> Tensor {
            Tensor(fixture.views(shape, dtype, seed: seed).cpu, runtime)
        }
        let (hidden, head) = (values([2100, 16], seed: 1), values([4500, 16], seed: 2))
        let targets = runtime.tensor((0..<2100).map { Int32($0 * 7 % 4500) }, [2100])
        func score(_ keptBytes: Int) -> [[Float]] {
            let (graph, dhead) = (Graph(runtime, recording: true), runtime.zeros(head.shape, .float32))
            let leaf = graph.leaf(hidden)
            let scores = graph.score(
                leaf, head: Parameter(name: "head", value: dhead, gradient: dhead, compute: head), targets: targets,
                softcap: softcap, keptBytes: keptBytes)
            let outputs = [scores.logProb, scores.logSumExp, scores.meanLogProb, scores.entropy]
            graph.backward(from: outputs.map { ($0, gradient: runtime.full([2100], .float32, 0.3)) })
            return (outputs + [graph.gradient(of: leaf), dhead].compactMap(\.self)).map { $0.floats() }
        }
        let all = score(1 << 30)
        #expect(all.count == 6)
        // Nothing, and some of the six blocks of 1050 x 2080.
        for bytes in [0, 20 << 20] { #expect(score(bytes) == all) }
    }

    @Test(arguments: scores.filter { !$0.name.contains("2100") })
    func `composed scores in bfloat16 agree with float64`(operation: GradientCheckCase) {
        let expected = GradientCheck(operation, Runtime(ReferenceBackend()), .float64).run()
        let found = GradientCheck(operation, Runtime(ReferenceBackend()), .bfloat16).run()
        for (a, b) in zip(expected.outputs + expected.gradients, found.outputs + found.gradients) {
            let scale = max(a.map { abs($0) }.max() ?? 1, 0.1)
            #expect((zip(a, b).map { abs($0 - $1) }.max() ?? 0) <= 6e-2 * scale)
        }
    }

    private static var scores: [GradientCheckCase] {
        [
            (1, 1, nil), (3, 3001, nil), (5, 1024, 4.0), (2, 1500, 2.0), (4, 2049, 3.0), (2, 6200, nil), (2100, 3, nil),
            (0, 5, nil),
        ].map { (n, v, cap) in
            GradientCheckCase("scores of \(n) by \(v), cap \(cap ?? 0)", [[n, 4]], [[v, 4]]) { graph, x, w in
                let targets = graph.runtime.tensor((0..<n).map { $0 % 3 == 1 ? -1 : Int32(($0 * 577) % v) }, [n])
                let s = graph.score(x[0], head: w[0], targets: targets, softcap: cap)
                return [s.logProb, s.logSumExp, s.meanLogProb, s.entropy]
            }
        }
    }
}
