import Core
import Testing

// N tokens, k experts of a token, E experts, A = N k rows, C width, F hidden features

@Suite struct ExpertTests {
    private let fixture = CPUFixture()

    @Test(
        "choices are sorted by expert and stay in the order of tokens",
        arguments: [(0, 1, 3), (1, 1, 1), (7, 3, 5), (33, 2, 64), (41, 8, 8)])
    func grouping(tokens: Int, each: Int, experts: Int) {
        let chosen = (0..<tokens).flatMap { token in (0..<each).map { Int32((token * 13 + token / 5 + $0) % experts) } }
        for backend in [fixture.cpu, fixture.reference] as [any Backend] {
            let routes = TokenRoutes(Runtime(backend).tensor(chosen, [tokens, each]), expertCount: experts)
            let order = chosen.indices.sorted { (chosen[$0], $0) < (chosen[$1], $1) }
            #expect(routes.experts.int32s() == order.map { chosen[$0] })
            #expect(routes.tokens.int32s() == order.map { Int32($0 / each) })
            let places = routes.places.int32s()
            #expect(order.map { Int(places[$0]) } == Array(order.indices))
        }
    }

    @Test("each row is multiplied with the matrix of its group", arguments: [DType.float32, .bfloat16], [0, 1, 2])
    func products(dtype: DType, layout: Int) {
        for (rows, inputs, outputs) in [(0, 3, 2), (1, 1, 1), (5, 0, 3), (40, 33, 65), (200, 64, 17)] {
            let values = (0..<rows).map { Int32($0 < rows / 2 ? $0 * 4 / max(rows, 1) : ($0 * 7) % 3) }
            let groups = (
                cpu: Runtime(fixture.cpu).tensor(values, [rows]).view,
                reference: Runtime(fixture.reference).tensor(values, [rows]).view
            )
            // Dense rows, dense columns, neither.
            func strides(_ rows: Int, _ columns: Int) -> [Int] {
                [[max(columns, 1), 1], [1, max(rows, 1)], [columns * 3 + 1, 2]][layout]
            }
            let a = fixture.views([rows, inputs], dtype, strides: strides(rows, inputs), seed: 1)
            let matrices = (0..<4).map {
                fixture.views([inputs, outputs], dtype, strides: strides(inputs, outputs), seed: 2 + UInt64($0))
            }
            let c = fixture.views([rows, outputs], dtype, seed: 9)
            let product = fixture.difference(
                { isCPU in
                    .groupedMatmul(
                        GroupedMatmul(
                            pick(a, isCPU), matrices.map { pick($0, isCPU) }, groups: pick(groups, isCPU),
                            into: pick(c, isCPU)))
                }, results: [c])
            #expect(product <= (dtype == .float32 ? 3e-6 : 8e-3), "\(rows) \(inputs) \(outputs)")

            let gradients = (0..<4).map { fixture.views([inputs, outputs], seed: 20 + UInt64($0)) }
            let outer = fixture.difference(
                { isCPU in
                    .groupedOuterProduct(
                        GroupedOuterProduct(
                            pick(a, isCPU), pick(c, isCPU), groups: pick(groups, isCPU),
                            into: gradients.enumerated().map { $0.offset == 2 ? nil : pick($0.element, isCPU) }))
                }, results: gradients)
            #expect(outer <= (dtype == .float32 ? 3e-6 : 8e-3), "\(rows) \(inputs) \(outputs)")
        }
    }

    @Test("the likeliest experts are chosen, of equal ones the first, of numbers that are none any")
    func choices() {
        let logits: [Double] = [0, 3, 1, 2] + [5, 5, 5, 5] + [-1, -.infinity, -1, 4] + [.nan, 0, 1, 2]
        for backend in [fixture.cpu, fixture.reference] as [any Backend] {
            let graph = Graph(Runtime(backend), recording: false)
            let routing = ExpertRouting(
                graph, logits: graph.runtime.tensor(logits, [4, 4], .float32),
                .init(count: 4, perToken: 2, width: 1, normalizesWeights: true))
            #expect(routing.routes.choices.int32s().prefix(6) == [1, 3, 0, 1, 3, 0])
            #expect(routing.routes.choices.int32s().allSatisfy { (0..<4).contains($0) })
            let weights = routing.weights.doubles()
            #expect(abs(weights[0] - 1 / (1 + 1 / 2.718281828459045)) < 1e-6 && weights[2] == 0.5)
        }
    }

    @Test("the balancing loss is the number of choices when all experts are chosen alike, and grows from there")
    func balance() {
        func loss(_ logits: [Double], tokens: Int) -> Double {
            let graph = Graph(Runtime(fixture.reference), recording: false)
            let routing = ExpertRouting(
                graph, logits: graph.runtime.tensor(logits, [tokens, 4]),
                .init(count: 4, perToken: 2, width: 1, normalizesWeights: true))
            return RouterSums(graph, routing).balance(graph).item() / Double(tokens)
        }
        #expect(abs(loss([9, 9, 0, 0] + [0, 0, 9, 9], tokens: 2) - 2) < 1e-12)
        // Everyone to the first two: 4 (1 P0 + 1 P1), and their probabilities add up to almost 1.
        #expect(abs(loss([9, 9, 0, 0] + [9, 9, 0, 0], tokens: 2) - 4) < 1e-3)
    }

    @Test("what a token receives does not depend on the other tokens", arguments: [DType.float32, .bfloat16])
    func independence(dtype: DType) {
        let backend = CPUBackend(threads: 2)
        // Promised for products by panels only.
        guard backend.capabilities.fastTypes.contains(.bfloat16) else { return }
        let runtime = Runtime(backend)
        func values(_ shape: [Int], _ seed: UInt64) -> Tensor {
            Tensor(fixture.views(shape, dtype, seed: seed).cpu, runtime).cast(to: dtype)
        }
        let (x, logits) = (values([500, 48], 1), values([500, 6], 2))
        let weights = (0..<6).map { expert in
            Parameter(name: "w\(expert)", value: values([48, 48], 3 + UInt64(expert)), gradient: nil)
        }
        func mixed(_ range: Range<Int>) -> [Double] {
            let graph = Graph(runtime, recording: false)
            func part(_ tensor: Tensor) -> Tensor { Tensor(tensor.view.sliced(dim: 0, range), runtime) }
            let routing = ExpertRouting(
                graph, logits: part(logits), .init(count: 6, perToken: 2, width: 1, normalizesWeights: true))
            let rows = graph.linear(graph.dispatch(part(x), routing.routes), weights, experts: routing.routes.experts)
            return graph.combine(rows, weights: routing.weights, routing.routes).doubles()
        }
        let all = mixed(0..<500)
        for range in [0..<1, 7..<9, 100..<230] {
            #expect(mixed(range) == Array(all[range.lowerBound * 48..<range.upperBound * 48]))
        }
    }

    private func decoder(
        _ runtime: Runtime, _ checkpointing: DecoderModel.Checkpointing, _ precision: Precision,
        isTrained: @escaping (String) -> Bool = { _ in true }
    ) -> (DecoderModel, ParameterStore) {
        var configuration = DecoderConfiguration(
            vocabularySize: 19, width: 16, mlpWidth: 12, headCount: 4, keyValueHeadCount: 2, headSize: 4,
            positionCount: 32, positions: .rotary(Rope(theta: 100, dimCount: 4)),
            layers: [.init(hasExperts: true), .init(), .init(hasExperts: true)])
        configuration.initializerRange = 0.5
        configuration.experts = .init(count: 5, perToken: 2, width: 16, normalizesWeights: false)
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: precision, seed: 3) {
            isTrained($0) ? 0 : nil
        }
        return (DecoderModel(configuration, store, runtime, checkpointing: checkpointing), store)
    }

    /// Gradients of a loss with both of the routers' terms, and the terms.
    private func gradients(
        _ backend: any Backend, _ checkpointing: DecoderModel.Checkpointing, _ precision: Precision,
        isTrained: @escaping (String) -> Bool = { _ in true }
    ) throws -> (gradients: [[Double]], terms: [Double], names: [String]) {
        let runtime = Runtime(backend)
        let (model, store) = decoder(runtime, checkpointing, precision, isTrained: isTrained)
        let (graph, routers) = (Graph(runtime, recording: true), RouterRecord())
        let batch = TokenBatch([[1, 2, 3, 4], [5, 6, 7, 8]], runtime)
        let hidden = model.hidden(graph, batch, routers: routers)
        let sums = try #require(routers.sums)
        #expect(sums.rowCount == 16 && sums.counts.doubles().reduce(0, +) == 32)
        let balance = sums.balance(graph)
        graph.backward(from: [
            (hidden, gradient: hidden.detached), (balance, gradient: runtime.full([1, 1], balance.dtype, 0.3)),
            (sums.squares, gradient: runtime.full([1, 1], balance.dtype, 0.1)),
        ])
        let trained = store.parameters.filter(\.isTrained)
        return (
            trained.compactMap { $0.gradient?.doubles() }, [balance.item(), sums.squares.item()], trained.map(\.name)
        )
    }

    @Test(
        "recomputed experts and routers give the same gradients",
        arguments: [DecoderModel.Checkpointing.block, .selective])
    func checkpointing(_ checkpointing: DecoderModel.Checkpointing) throws {
        for (backend, precision) in [(fixture.reference, .float64), (fixture.cpu, .float32), (fixture.cpu, .bfloat16)]
            as [(any Backend, Precision)]
        {
            let plain = try gradients(backend, .none, precision)
            let recomputed = try gradients(backend, checkpointing, precision)
            #expect(plain.gradients == recomputed.gradients && plain.terms == recomputed.terms)
            let routers = zip(plain.names, plain.gradients).filter { $0.0.hasSuffix("mlp.gate.weight") }
            #expect(routers.count == 2 && routers.allSatisfy { $0.1.contains { $0 != 0 } })
        }
    }

    @Test("some experts may be frozen, and the others' gradients stay the same")
    func frozen() throws {
        let all = try gradients(fixture.cpu, .none, .float32)
        let some = try gradients(fixture.cpu, .none, .float32) {
            !$0.contains("experts.2.") && !$0.contains("experts.4.up")
        }
        #expect(some.names.count == all.names.count - 2 * 4)
        for (name, gradient) in zip(some.names, some.gradients) {
            let index = try #require(all.names.firstIndex(of: name))
            let gap = zip(gradient, all.gradients[index]).map { abs($0 - $1) }.max() ?? 0
            #expect(gap <= 1e-5 * (gradient.map { abs($0) }.max() ?? 1), "\(name)")
        }
    }

    @Test("parameters lie under the family's names, experts as such")
    func placements() {
        let (_, store) = decoder(Runtime(fixture.reference), .none, .float64)
        let specs = store.specs.filter { $0.block == "layers.2" && $0.name.contains("mlp") }
        #expect(specs.map(\.name).prefix(4) == [
            "model.layers.2.mlp.gate.weight", "model.layers.2.mlp.experts.0.gate_proj.weight",
            "model.layers.2.mlp.experts.0.up_proj.weight", "model.layers.2.mlp.experts.0.down_proj.weight",
        ])
        #expect(specs.count == 16)
        #expect(specs.allSatisfy { ($0.placement.expert != nil) == $0.name.contains("experts") })
    }
}
