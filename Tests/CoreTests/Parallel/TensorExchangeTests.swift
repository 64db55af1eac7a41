import Core
import Testing

// R ranks

/// A model divided over the ranks of the tensor axis is the model on one rank.
@Suite struct TensorExchangeTests {
    enum Form: String, CaseIterable, Sendable {
        /// Grouped-query heads, gated, tied.
        case llama
        /// One projection to q, k and v, stored transposed, with biases and learned positions.
        case gpt2
        /// Norms of each head's queries and keys, head of its own.
        case qwen3

        var configuration: DecoderConfiguration {
            var configuration = DecoderConfiguration(
                vocabularySize: 37, width: 8, mlpWidth: 12, headCount: 4, keyValueHeadCount: self == .gpt2 ? 4 : 2, headSize: 4,
                positionCount: 16, positions: self == .gpt2 ? .learned : .rotary(Rope(theta: 100, dimCount: 4)),
                layers: [.init(), .init(window: 3)])
            configuration.initializerRange = 0.4
            configuration.isTied = self == .llama
            configuration.normalizesQueriesAndKeys = self == .qwen3
            if self == .gpt2 {
                configuration.norm = .layer
                configuration.activation = .geluTanh
                configuration.isGated = false
                configuration.mlpHasBias = true
                configuration.queryKeyValueHasBias = true
                configuration.outputHasBias = true
                configuration.fusesQueryKeyValue = true
                configuration.storesTransposed = true
            }
            return configuration
        }
    }

    /// What a rank finds: scores, and the gradient of each parameter at its places in the whole.
    struct Findings: Sendable {
        var scores: [Double] = []
        var gradients: [String: [Int: Double]] = [:]
    }

    private static func run(_ form: Form, ranks: Int, cutsTokens: Bool = false) throws -> [Findings] {
        try Loopback.run(MeshShape([.tensor: ranks])) { mesh in
            let (configuration, runtime) = (form.configuration, mesh.runtime)
            let specs = DecoderModel.specs(configuration)
            let exchange = TensorExchange(mesh, cutsTokens: cutsTokens)
            let store = ParameterStore(
                specs, runtime, precision: .float64, seed: 5,
                place: { spec in
                    guard let place = exchange.place(spec) else {
                        Issue.record("\(spec.name) cannot be divided by \(ranks)")
                        return nil
                    }
                    return place
                })
            let model = DecoderModel(configuration, store, runtime, exchange: exchange)
            let graph = Graph(runtime, recording: true)
            let batch = TokenBatch([[1, 36, 3, 17, 5, 2, 30, 11], [6, 7, 35, 9, 10, 0, 12, 36]], runtime)
            let hidden = model.hidden(graph, batch).reshaped(to: [16, configuration.width])
            let targets = runtime.tensor(
                [36, 3, 17, 5, -1, 2, 0, 9, 7, 35, 9, 10, 0, 3, 4, -1].map { Int32($0) }, [16])
            let scores = model.score(graph, hidden, targets: targets, temperature: 0.7, softcap: 5)
            let outputs = [scores.logProb, scores.logSumExp, scores.meanLogProb, scores.entropy]
            graph.backward(
                from: outputs.enumerated().map { number, output in
                    (output, gradient: runtime.tensor((0..<16).map { Double(($0 * 3 + number) % 7) - 3 }, [16]))
                })
            for (name, place) in store.places.sorted(by: { $0.key < $1.key }) {
                for sharers in place.sharers {
                    if let gradient = store[name].gradient { sharers.run(.allReduce(gradient)) }
                }
            }
            try mesh.link.check()
            var findings = Findings(scores: outputs.flatMap { $0.doubles() })
            for spec in specs {
                let values = store[spec.name].gradient?.doubles() ?? []
                let places = Self.places(store.places[spec.name]?.part, spec.shape)
                findings.gradients[spec.name] = Dictionary(uniqueKeysWithValues: zip(places, values))
            }
            return findings
        }
    }

    /// The places in the whole of a part's elements, in the part's order. Two dims at most.
    private static func places(_ part: ParameterPart?, _ shape: [Int]) -> [Int] {
        guard let part else { return [] }
        if shape.count == 1 { return part.boxes.flatMap { $0.offset[0]..<$0.offset[0] + $0.size[0] } }
        let columns = part.dim == 1 ? part.boxes.flatMap { Array($0.offset[1]..<$0.offset[1] + $0.size[1]) }
            : Array(part.boxes[0].offset[1]..<part.boxes[0].offset[1] + part.boxes[0].size[1])
        let rows = part.dim == 0 ? part.boxes.flatMap { Array($0.offset[0]..<$0.offset[0] + $0.size[0]) }
            : Array(part.boxes[0].offset[0]..<part.boxes[0].offset[0] + part.boxes[0].size[0])
        return rows.flatMap { row in columns.map { row * shape[1] + $0 } }
    }

    @Test(arguments: Form.allCases, [2, 4])
    func `scores and gradients are those of one rank`(form: Form, ranks: Int) throws {
        try Self.compare(form, ranks: ranks, cutsTokens: false)
    }

    @Test(arguments: Form.allCases, [2, 4])
    func `they are so where ranks keep a part of the tokens between layers`(form: Form, ranks: Int) throws {
        try Self.compare(form, ranks: ranks, cutsTokens: true)
    }

    private static func compare(_ form: Form, ranks: Int, cutsTokens: Bool) throws {
        let whole = try run(form, ranks: 1)[0]
        let parts = try run(form, ranks: ranks, cutsTokens: cutsTokens)
        #expect(whole.scores.contains { $0 != 0 })
        for part in parts {
            for (a, b) in zip(part.scores, whole.scores) { #expect(abs(a - b) <= 1e-11 * max(abs(b), 1)) }
            for (name, gradient) in part.gradients {
                for (place, value) in gradient {
                    let expected = whole.gradients[name]?[place] ?? .nan
                    #expect(abs(value - expected) <= 1e-10 * max(abs(expected), 1), "\(name) at \(place)")
                }
            }
        }
        // Every element is somewhere.
        for (name, gradient) in whole.gradients {
            #expect(Set(parts.flatMap { $0.gradients[name].map { Array($0.keys) } ?? [] }) == Set(gradient.keys))
        }
    }

    @Test func `what cannot be divided evenly is refused`() {
        let (heads, keys) = (Placement(.columns, unit: 4), Placement(.columns, unit: 4, sharesUnits: true))
        #expect(heads.ranges(of: 12, rank: 0, of: 2) == nil && keys.ranges(of: 12, rank: 0, of: 2) == nil)
        // Heads of queries are added up, so no two ranks may have the same; of keys and values they may.
        #expect(heads.ranges(of: 8, rank: 3, of: 4) == nil)
        #expect(keys.ranges(of: 8, rank: 3, of: 4) == [4..<8])
        #expect(keys.sharerCount(of: 8, over: 4) == 2)
        #expect(Placement.vocabulary.ranges(of: 37, rank: 1, of: 2) == [32..<37])
        #expect(Placement.vocabulary.ranges(of: 20, rank: 3, of: 4) == [20..<20])
    }
}
