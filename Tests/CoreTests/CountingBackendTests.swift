import Core
import Testing

@Suite struct CountingBackendTests {
    private func configuration(width: Int = 48, layerCount: Int = 3) -> DecoderConfiguration {
        let headSize = min(width / 4, 128)
        var configuration = DecoderConfiguration(
            vocabularySize: 301, width: width, mlpWidth: 3 * width, headCount: width / headSize, keyValueHeadCount: 2,
            headSize: headSize, positionCount: 8192, positions: .rotary(Rope(theta: 100, dimCount: headSize)),
            layers: .init(repeating: .init(), count: layerCount))
        configuration.isTied = true
        return configuration
    }

    /// Two forward and backward passes; returns the backend's parameters, which keep its memory.
    private func step(
        _ backend: any Backend, _ configuration: DecoderConfiguration, _ precision: Precision,
        _ checkpointing: DecoderModel.Checkpointing, tokens: Int
    ) -> ParameterStore {
        let runtime = Runtime(backend)
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: precision, seed: nil)
        let model = DecoderModel(configuration, store, runtime, checkpointing: checkpointing)
        let ids = [Int32](repeating: 1, count: tokens)
        for _ in 0..<2 {
            store.zeroGradients()
            let graph = Graph(runtime, recording: true)
            let hidden = model.hidden(graph, TokenBatch([ids, ids], runtime))
            let flat = hidden.reshaped(to: [2 * tokens, configuration.width])
            let scores = graph.score(flat, head: model.head, targets: runtime.tensor(ids + ids, [2 * tokens]))
            graph.backward(from: [(scores.logProb, gradient: scores.logProb)])
        }
        return store
    }

    @Test(
        "as much memory is counted as is taken", arguments: [Precision.float32, .bfloat16, .bfloat16Pure],
        DecoderModel.Checkpointing.allCases)
    func sameAsReal(precision: Precision, checkpointing: DecoderModel.Checkpointing) {
        let (real, counting) = (CPUBackend(threads: 2), CountingBackend.cpu(threads: 2))
        _ = step(real, configuration(), precision, checkpointing, tokens: 70)
        _ = step(counting, configuration(), precision, checkpointing, tokens: 70)
        #expect(counting.capabilities.peakByteCount == real.capabilities.peakByteCount)
        #expect(counting.peakByteCount > counting.peakBufferByteCount)
    }

    @Test("micro-batches that are alive at once share the memory for logits")
    func sharedLogits() {
        func kept(_ aliveCount: Int) -> Int {
            let (backend, tokens) = (CountingBackend.cpu(threads: 1), 512)
            let runtime = Runtime(backend)
            var configuration = configuration(layerCount: 1)
            configuration.vocabularySize = 200_000
            let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float32, seed: nil)
            let model = DecoderModel(configuration, store, runtime)
            let hidden = runtime.zeros([tokens, configuration.width], .float32)
            let targets = runtime.tensor([Int32](repeating: 1, count: tokens), [tokens])
            let before = backend.byteCount
            let graph = Graph(runtime, recording: true)
            let scores = model.score(graph, graph.leaf(hidden), targets: targets, aliveCount: aliveCount)
            return withExtendedLifetime((scores, graph)) { backend.byteCount - before }
        }
        let (one, four) = (kept(1), kept(4))
        // Whole blocks of 4 MiB.
        #expect(one > Graph.keptScoreBytes / 2 - (5 << 20) && one < Graph.keptScoreBytes / 2 + (1 << 20))
        #expect(4 * four > one - (20 << 20) && 4 * four < one + (4 << 20), "\(one) \(four)")
    }

    @Test(
        "experts are counted as if one of them had all tokens, which is near what they take",
        arguments: [Precision.float32, .bfloat16])
    func experts(precision: Precision) {
        var configuration = configuration(width: 64)
        configuration.experts = .init(count: 8, perToken: 2, width: 96, normalizesWeights: true)
        configuration.layers = .init(repeating: .init(hasExperts: true), count: 3)
        let (real, counting) = (CPUBackend(threads: 2), CountingBackend.cpu(threads: 2))
        _ = step(real, configuration, precision, .none, tokens: 200)
        _ = step(counting, configuration, precision, .none, tokens: 200)
        let ratio = Double(counting.capabilities.peakByteCount) / Double(real.capabilities.peakByteCount)
        print("experts \(precision): counted \(ratio) of what was taken")
        #expect(ratio > 0.99 && ratio < 1.1)
    }

    @Test("a model that no machine holds is counted, and nothing of it stays")
    func huge() {
        let counting = CountingBackend.cpu(threads: 2)
        let large = configuration(width: 8192, layerCount: 80)
        let store = step(counting, large, .bfloat16, .block, tokens: 8192)
        let parameters = store.specs.reduce(0) { $0 + $1.elementCount }
        #expect(parameters > 20_000_000_000)
        // Masters, gradients and compute copies stay; the inputs of 80 blocks come and go.
        #expect(counting.byteCount >= parameters * 10)
        #expect(counting.peakBufferByteCount - counting.byteCount > 80 * 2 * 8192 * 8192 * 2)
        #expect(store.parameters[0].value.runtime.full([3], .float32, 2).doubles() == [0, 0, 0])
    }

    @Test("memory counts from its first use until its block ends, by huge pages where it is large")
    func pages() throws {
        let (blocks, mebibyte) = (CountedBlocks(), 1 << 20)
        let large = try #require(blocks.take(10 * mebibyte, alignment: 2 * mebibyte))
        #expect(blocks.peak == 0)
        blocks.use(large, 3 * mebibyte)
        blocks.use(large, mebibyte)
        #expect(blocks.peak == 4 * mebibyte)
        let small = try #require(blocks.take(1024, alignment: 64))
        blocks.use(small, 100)
        #expect(blocks.peak == 4 * mebibyte + 128)
        blocks.give(large, 10 * mebibyte)
        let next = try #require(blocks.take(2 * mebibyte, alignment: 2 * mebibyte))
        blocks.use(next, 2 * mebibyte)
        #expect(blocks.peak == 4 * mebibyte + 128)
        blocks.give(small, 1024)
        blocks.use(next, 10)
        #expect(blocks.peak == 4 * mebibyte + 128)
    }

    @Test("less is kept of recomputed blocks")
    func order() {
        let peaks = DecoderModel.Checkpointing.allCases.map { checkpointing in
            let counting = CountingBackend.cpu(threads: 2)
            _ = step(counting, configuration(width: 512, layerCount: 12), .float32, checkpointing, tokens: 512)
            return counting.peakBufferByteCount
        }
        #expect(peaks == peaks.sorted(by: >) && Set(peaks).count == 3)
    }
}
