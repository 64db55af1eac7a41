import Core
import Testing

@Suite struct DecoderTests {
    private let runtime = Runtime(ReferenceBackend())

    private func model(_ checkpointing: DecoderModel.Checkpointing = .none) -> (DecoderModel, ParameterStore) {
        var configuration = DecoderConfiguration(
            vocabularySize: 19, width: 8, mlpWidth: 12, headCount: 4, keyValueHeadCount: 2, headSize: 4,
            positionCount: 32, positions: .rotary(Rope(theta: 100, dimCount: 4)),
            layers: [.init(), .init(window: 3), .init(rotates: false)])
        configuration.initializerRange = 0.5
        configuration.isTied = true
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float64, seed: 3)
        return (DecoderModel(configuration, store, runtime, checkpointing: checkpointing), store)
    }

    private func hidden(_ model: DecoderModel, _ batch: TokenBatch) -> [Double] {
        model.hidden(Graph(runtime, recording: false), batch).doubles()
    }

    @Test("documents packed into a row read as they do alone")
    func packing() {
        let (model, _) = model()
        let documents: [[Int32]] = [[3, 1, 4, 1, 5, 9], [2, 6], [5, 3, 5, 8]]
        let starts = [Int32](repeating: 0, count: 6) + [6, 6] + [Int32](repeating: 8, count: 4)
        let packed = TokenBatch(
            ids: runtime.tensor(documents.flatMap { $0 }, [1, 12]),
            positions: runtime.tensor(documents.flatMap { $0.indices.map(Int32.init) }, [1, 12]),
            documentStart: runtime.tensor(starts, [1, 12]))
        let alone = documents.flatMap { hidden(model, TokenBatch([$0], runtime)) }
        for (a, b) in zip(hidden(model, packed), alone) { #expect(abs(a - b) < 1e-12) }
    }

    @Test("a token reads nothing that comes after it")
    func causality() {
        let (model, _) = model()
        let long = hidden(model, TokenBatch([[1, 2, 3, 4, 5, 6, 7]], runtime))
        let short = hidden(model, TokenBatch([[1, 2, 3, 4]], runtime))
        for (a, b) in zip(long, short) { #expect(abs(a - b) < 1e-12) }
    }

    @Test("recomputed blocks give the same gradients, with a frozen embedding too", arguments: [false, true])
    func checkpointing(frozen: Bool) {
        func gradients(_ checkpointing: DecoderModel.Checkpointing) -> [[Double]] {
            let (model, _) = model()
            let store = ParameterStore(
                DecoderModel.specs(model.configuration), runtime, precision: .float64, seed: 3
            ) { frozen && $0.contains("embed") ? nil : 0 }
            let decoder = DecoderModel(model.configuration, store, runtime, checkpointing: checkpointing)
            let graph = Graph(runtime, recording: true)
            let output = decoder.hidden(graph, TokenBatch([[1, 2, 3, 4], [5, 6, 7, 8]], runtime))
            graph.backward(from: [(output, gradient: output.detached)])
            return store.parameters.compactMap { $0.gradient?.doubles() }
        }
        let (plain, recomputed) = (gradients(.none), gradients(.block))
        #expect(plain == recomputed)
        #expect(plain.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test("parameters are declared by block, in order, with the placement of their layer")
    func specs() {
        let (model, store) = model()
        let specs = DecoderModel.specs(model.configuration)
        #expect(store.arenas.map(\.block) == ["embedding", "layers.0", "layers.1", "layers.2", "head"])
        #expect(specs.filter { $0.block == "layers.1" }.map { "\($0.name) \($0.shape) \($0.placement.role)" } == [
            "model.layers.1.input_layernorm.weight [8] replicated",
            "model.layers.1.self_attn.q_proj.weight [16, 8] columns",
            "model.layers.1.self_attn.k_proj.weight [8, 8] columns",
            "model.layers.1.self_attn.v_proj.weight [8, 8] columns",
            "model.layers.1.self_attn.o_proj.weight [8, 16] rows",
            "model.layers.1.post_attention_layernorm.weight [8] replicated",
            "model.layers.1.mlp.gate_proj.weight [12, 8] columns",
            "model.layers.1.mlp.up_proj.weight [12, 8] columns",
            "model.layers.1.mlp.down_proj.weight [8, 12] rows",
        ])
        #expect(model.head === model.embedding.weight)
    }
}
