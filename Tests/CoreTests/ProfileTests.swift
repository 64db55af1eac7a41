import Core
import JSON
import Testing

/// What a recording holds, and the counts of bytes and FLOPs that figures are made of.
@Suite struct ProfileTests {
    let recorder = OperationRecorder()

    private func runtime(_ backend: any Backend = CPUBackend(threads: 1)) -> Runtime {
        Runtime(backend, recorder: recorder)
    }

    @Test func `only what runs between start and stop is recorded`() {
        let runtime = runtime()
        let x = runtime.full([4], .float32, 1)
        #expect(recorder.stop() == nil)
        recorder.start()
        runtime.run(.fill(x.view, value: 2))
        let profile = recorder.stop()
        runtime.run(.fill(x.view, value: 3))
        #expect(profile?.events.map(\.name) == ["fill"])
        #expect(recorder.stop() == nil)
        recorder.start()
        #expect(recorder.stop()?.events.isEmpty == true)
        #expect(x.floats() == [3, 3, 3, 3])
    }

    @Test func `an operation is described by its operands, bytes and FLOPs`() throws {
        let runtime = runtime()
        let (a, b, c) = (
            runtime.full([3, 5], .float32, 1), runtime.full([7, 5], .float32, 1), runtime.full([3, 7], .float32, 1)
        )
        recorder.start()
        runtime.run(.matmul(Matmul(a.view, b.view.transposed(0, 1), into: c.view)))
        runtime.run(.matmul(Matmul(a.view, b.view.transposed(0, 1), into: c.view, beta: 1)))
        let events = try #require(recorder.stop()).events
        let work = try events.map { try #require($0.work) }
        #expect(work[0].inputs.map(\.description) == ["float32[3, 5]", "float32[5, 7]^T"])
        #expect(work[0].outputs.map(\.description) == ["float32[3, 7]"])
        #expect(work.map(\.flopCount) == [2 * 3 * 5 * 7, 2 * 3 * 5 * 7])
        #expect(work[0].byteCount == 4 * (15 + 35 + 21))
        #expect(work[1].byteCount == 4 * (15 + 35 + 21 + 21))
    }

    @Test func `repeated elements move once, and of a table only the named rows`() {
        let runtime = runtime()
        let (x, row) = (runtime.zeros([8, 3], .bfloat16), runtime.zeros([3], .float32))
        #expect(Operation.copy(from: row.view.broadcast(to: [8, 3]), to: x.view).byteCount == 4 * 3 + 2 * 24)
        let (table, indices) = (runtime.zeros([1000, 3], .float32), runtime.zeros([2], .int32))
        let rows = runtime.zeros([2, 3], .float32)
        #expect(Operation.gather(table: table.view, indices: indices.view, output: rows.view).byteCount == 8 + 2 * 24)
        #expect(Operation.scatterAdd(source: rows.view, indices: indices.view, table: table.view).byteCount == 8 + 3 * 24)
        #expect(Operation.fill(x.view, value: 0).byteCount == 48)
    }

    @Test(arguments: [(nil, 1 + 2 + 3 + 4 + 5), (2, 1 + 2 + 2 + 2 + 2), (1, 5)] as [(Int?, Int)])
    func `attention counts the pairs that are seen`(window: Int?, pairs: Int) throws {
        let runtime = runtime()
        func array(_ heads: Int) -> Tensor { runtime.full([2, 5, heads, 8], .float32, 1) }
        recorder.start()
        let graph = Graph(runtime, recording: true)
        let q = graph.leaf(array(4))
        let out = graph.attention(q, array(2), array(2), scale: 1, mask: AttentionMask(window: window))
        graph.backward(from: [(out, gradient: runtime.full(out.shape, .float32, 1))])
        let rows = try #require(recorder.stop()).rows
        let heads = 2 * 4
        #expect(rows.first { $0.name == "attention" }?.flopCount == 4 * heads * pairs * 8)
        #expect(rows.first { $0.name == "attention_backward" }?.flopCount == 8 * heads * pairs * 8)
    }

    @Test func `operations within a phase or a composition are counted once`() throws {
        let runtime = runtime(ReferenceBackend())
        let x = runtime.full([2, 4], .float64, 1)
        let spec = ParameterSpec("w", [4], block: "b", initializer: .ones, placement: .replicated)
        let weight = ParameterStore([spec], runtime, precision: .float64, seed: 1)["w"]
        recorder.start()
        let value = runtime.phase("forward") {
            _ = Graph(runtime, recording: false).rmsNorm(x, weight, epsilon: 0)
            return 7
        }
        #expect(value == 7)
        let profile = try #require(recorder.stop())
        let phase = try #require(profile.events.last)
        #expect(phase.name == "forward" && phase.work == nil)
        let norm = try #require(profile.events.first { $0.name == "rms_norm" })
        let inner = profile.events.filter { $0.name != "rms_norm" && $0.work != nil }
        #expect(!inner.isEmpty, "the reference composes norms of primitives")
        let within = inner.allSatisfy {
            $0.startSeconds >= norm.startSeconds && $0.startSeconds + $0.seconds <= norm.startSeconds + norm.seconds
        }
        #expect(within)
        let own = profile.events.reduce(0) { $0 + $1.ownSeconds }
        #expect(abs(own - phase.seconds) < 1e-9)
        #expect(abs(profile.rows.reduce(0) { $0 + $1.seconds } + phase.ownSeconds - phase.seconds) < 1e-9)
        #expect(profile.seconds(of: "forward") == phase.seconds)
        #expect(phase.seconds <= profile.seconds)
    }

    @Test func `rows gather the operations of one form, the longest first`() throws {
        let runtime = runtime()
        let (small, large) = (runtime.zeros([2], .float32), runtime.zeros([3 << 20], .float32))
        recorder.start()
        for _ in 0..<3 { runtime.run(.fill(small.view, value: 1)) }
        runtime.run(.fill(large.view, value: 1))
        let rows = try #require(recorder.stop()).rows
        let found = rows.map { "\($0.form) \($0.callCount) \($0.byteCount)" }
        #expect(found == ["float32[3145728] 1 12582912", "float32[2] 3 24"])
    }

    @Test func `memory in use is followed up and down`() throws {
        let runtime = runtime()
        recorder.start()
        var held: Tensor? = runtime.zeros([1 << 20], .float32)
        let kept = runtime.zeros([16], .float32)
        held = nil
        runtime.run(.fill(kept.view, value: 1))
        #expect(held == nil)
        let memory = try #require(recorder.stop()).memory.map(\.byteCount)
        let highest = try #require(memory.max())
        #expect(highest >= 4 << 20)
        #expect(try #require(memory.last) <= highest - 4 << 20)
    }

    @Test func `the trace is JSON in Chrome's format`() throws {
        let runtime = runtime()
        recorder.start()
        runtime.phase("data wait") {}
        _ = runtime.zeros([5, 2], .bfloat16)
        let profile = try #require(recorder.stop())
        let all = try #require(try JSONValue(parsing: profile.chromeTrace)["traceEvents"]?.array)
        func items(_ kind: String) -> [JSONValue] { all.filter { $0["ph"]?.string == kind } }
        #expect(items("X").compactMap { $0["name"]?.string } == ["data wait", "fill"])
        #expect(items("X").map { $0["cat"]?.string } == ["phase", "operation"])
        let fill = items("X")[1]
        #expect(fill["args"]?["bytes"]?.integer == 20)
        #expect(fill["args"]?["outputs"]?.array?.map(\.string) == ["bfloat16[5, 2]"])
        let event = try #require(profile.events.last)
        #expect(fill["ts"]?.double == event.startSeconds * 1e6 && fill["dur"]?.double == event.seconds * 1e6)
        #expect(!items("C").isEmpty)
        #expect(items("C").allSatisfy { $0["args"]?["bytes"]?.integer != nil })
    }
}
