import Core
import Testing

@Suite struct RecomputeTests {
    /// Passes everything on and remembers the names of operations.
    private final class Spy: Backend {
        let base: any Backend
        var names: [String] = []

        init(_ base: any Backend) { self.base = base }

        var capabilities: Capabilities { base.capabilities }
        func allocate(byteCount: Int) -> Buffer { base.allocate(byteCount: byteCount) }
        func copy(_ transfer: Transfer) { base.copy(transfer) }
        func supports(_ operation: Operation) -> Bool { base.supports(operation) }
        func run(_ operation: Operation) {
            names.append(operation.name)
            base.run(operation)
        }
        func synchronize() { base.synchronize() }

        func count(_ name: String) -> Int { names.count { $0 == name } }
    }

    private static let strategies: [(String, Recomputation)] = [
        ("nothing kept", .everything), ("cheap results", .selective), ("all kept", Recomputation { _ in true }),
        ("attention kept", Recomputation { $0.name == "attention" }),
        ("products kept", Recomputation { $0.name == "matmul" }), ("formulas kept", Recomputation { $0.name == "map" }),
        ("norms kept", Recomputation { $0.name.hasSuffix("norm") }),
    ]

    private func configuration(gpt2: Bool) -> DecoderConfiguration {
        var configuration = DecoderConfiguration(
            vocabularySize: 31, width: 256, mlpWidth: 320, headCount: 4, keyValueHeadCount: gpt2 ? 4 : 2, headSize: 64,
            positionCount: 512, positions: gpt2 ? .learned : .rotary(Rope(theta: 100, dimCount: 64)),
            layers: [.init(), .init(window: 5)])
        if gpt2 {
            configuration.norm = .layer
            configuration.activation = .geluTanh
            (configuration.isGated, configuration.mlpHasBias, configuration.queryKeyValueHasBias) = (false, true, true)
            (configuration.outputHasBias, configuration.fusesQueryKeyValue) = (true, true)
            (configuration.storesTransposed, configuration.names) = (true, .gpt2)
        } else {
            configuration.normalizesQueriesAndKeys = true
        }
        configuration.isTied = true
        return configuration
    }

    private func gradients(
        _ backend: any Backend, _ precision: Precision, gpt2: Bool,
        _ apply: (DecoderModel, Graph, DecoderBlock, Tensor, DecoderContext) -> Tensor
    ) -> [[Double]] {
        let runtime = Runtime(backend)
        let configuration = configuration(gpt2: gpt2)
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: precision, seed: 3)
        let model = DecoderModel(configuration, store, runtime)
        let batch = TokenBatch([(0..<40).map { $0 % 31 }, (0..<40).map { ($0 * 7) % 31 }], runtime)
        let graph = Graph(runtime, recording: true)
        var x = model.embed(graph, batch)
        for block in model.blocks { x = apply(model, graph, block, x, model.context(batch)) }
        let output = model.normalize(graph, x)
        graph.backward(from: [(output, gradient: output.detached)])
        return store.parameters.compactMap { $0.gradient?.doubles() }
    }

    @Test("gradients are the same bits, whatever is kept", arguments: [Precision.float32, .bfloat16], [false, true])
    func sameBits(precision: Precision, gpt2: Bool) {
        let plain = gradients(CPUBackend(threads: 2), precision, gpt2: gpt2) { _, graph, block, x, context in
            block(graph, x, context)
        }
        #expect(plain.allSatisfy { $0.contains { $0 != 0 } })
        for (name, strategy) in RecomputeTests.strategies {
            let found = gradients(CPUBackend(threads: 2), precision, gpt2: gpt2) { _, graph, block, x, context in
                graph.recomputed([x], strategy) { [block($0, $1[0], context)] }[0]
            }
            #expect(found == plain, "\(name)")
        }
    }

    @Test("what is kept is not computed again, and what backward does not read is not either")
    func work() {
        func count(_ strategy: Recomputation?) -> Spy {
            let spy = Spy(CPUBackend(threads: 1))
            _ = gradients(spy, .float32, gpt2: false) { _, graph, block, x, context in
                guard let strategy else { return block(graph, x, context) }
                return graph.recomputed([x], strategy) { [block($0, $1[0], context)] }[0]
            }
            return spy
        }
        let (plain, all, cheap) = (count(nil), count(.everything), count(.selective))
        #expect(plain.count("attention") == 2)
        #expect(all.count("attention") == 4)
        // Of the four products of a block (queries, keys and values are one, gate and up another), the last only makes the
        // block's output.
        #expect(all.count("matmul") == plain.count("matmul") + 2 * 3)
        // 2 * 256 FLOPs for 4 bytes of a product are worth keeping, unless it widens as that of gate and up does; the
        // FLOPs of attention over 40 tokens are not.
        #expect(cheap.count("matmul") == plain.count("matmul") + 2)
        #expect(cheap.count("attention") == 4)
    }

    @Test("a value that is changed in place after it was read is computed again")
    func inPlace() {
        func slopes(_ strategy: Recomputation?) -> [Double] {
            let runtime = Runtime(CPUBackend(threads: 1))
            let graph = Graph(runtime, recording: true)
            let x = graph.leaf(runtime.tensor([1, 2, 3] as [Double], [3], .float32))
            func body(_ graph: Graph, _ x: Tensor) -> Tensor {
                let double = graph.map(Program(inputs: 1) { x, _ in [x[0] + x[0]] }, [x])[0]
                let square = graph.map(Program(inputs: 1) { x, _ in [x[0] * x[0]] }, [double])[0]
                // The square keeps `double` for its slope, so what is changed here is a copy.
                let copy = graph.runtime.empty([3], .float32)
                graph.runtime.run(.copy(from: double.view, to: copy.view))
                let shifted = graph.runtime.empty([3], .float32)
                graph.runtime.run(.copy(from: copy.view, to: shifted.view))
                graph.runtime.run(.fill(copy.view, value: 7))
                return graph.map(Program(inputs: 2) { x, _ in [x[0] * x[1]] }, [square, shifted])[0]
            }
            let y = strategy.map { graph.recomputed([x], $0) { [body($0, $1[0])] }[0] } ?? body(graph, x)
            graph.backward(from: [(y, gradient: runtime.full([3], .float32, 1))])
            return graph.gradient(of: x)?.doubles() ?? []
        }
        let plain = slopes(nil)
        #expect(plain.count == 3)
        for (name, strategy) in RecomputeTests.strategies { #expect(slopes(strategy) == plain, "\(name)") }
        #expect(slopes(Recomputation { $0.name == "copy" || $0.name == "fill" }) == plain)
    }
}
