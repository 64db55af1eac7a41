import Core
import Foundation
import Testing

@Suite struct GenerationTests {
    private let runtime = Runtime(ReferenceBackend())

    /// Tiny models with weights large enough that tokens differ.
    private static func configuration(_ name: String) -> DecoderConfiguration {
        var configuration = DecoderConfiguration(
            vocabularySize: 19, width: 8, mlpWidth: 12, headCount: 4, keyValueHeadCount: 2, headSize: 4,
            positionCount: 32, positions: .rotary(Rope(theta: 100, dimCount: 4)),
            layers: [.init(), .init(window: name == "window" ? 3 : nil)])
        configuration.initializerRange = 1
        if name == "experts" {
            configuration.experts = .init(count: 5, perToken: 2, width: 6, normalizesWeights: true)
            configuration.layers = [.init(hasExperts: true), .init(window: 3)]
        }
        if name == "learned" {
            configuration.positions = .learned
            configuration.norm = .layer
            configuration.fusesQueryKeyValue = true
            configuration.names = .gpt2
        }
        return configuration
    }

    private func decoder(_ name: String = "plain", precision: Precision = .float64) -> DecoderModel {
        let configuration = Self.configuration(name)
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: precision, seed: 3)
        return DecoderModel(configuration, store, runtime)
    }

    /// log-softmax of the logits after the last token, without a cache.
    private func logProbs(_ decoder: DecoderModel, _ ids: [Int32], temperature: Double = 1) -> [Double] {
        let graph = Graph(runtime, recording: false)
        let hidden = decoder.hidden(graph, TokenBatch([ids], runtime)).reshaped(to: [ids.count, 8])
        let last = graph.rows(hidden, at: runtime.tensor([Int32(ids.count - 1)], [1]))
        let logits = graph.linear(last, decoder.head).doubles().map { $0 / temperature }
        let largest = logits.max() ?? 0
        let total = logits.reduce(0) { $0 + exp($1 - largest) }
        return logits.map { $0 - largest - log(total) }
    }

    private static let prompts: [[Int32]] = [[1, 2, 3], [7], [4, 4, 9, 12, 0, 5], [1, 2, 3], [18, 2]]

    @Test(
        "greedy continuations of a batch are those of whole forward passes",
        arguments: ["plain", "window", "learned", "experts"])
    func greedy(name: String) throws {
        let decoder = decoder(name)
        let requests = Self.prompts.enumerated().map { index, prompt in
            GenerationRequest(prompt: prompt, maximumNewTokens: 4 + index, temperature: 0, seed: 0)
        }
        for concurrency in [2, 8] {
            let results = try Generator(decoder, runtime, concurrency: concurrency, prefillTokens: 8).generate(requests)
            for (request, result) in zip(requests, results) {
                var ids = request.prompt
                for (id, logProb) in zip(result.ids, result.logProbs) {
                    let expected = logProbs(decoder, ids)
                    #expect(Int(id) == expected.indices.max { expected[$0] < expected[$1] })
                    #expect(abs(logProb - expected[Int(id)]) < 1e-5)
                    ids.append(id)
                }
                #expect(result.ids.count == request.maximumNewTokens)
                #expect(result.finishReason == .length)
            }
        }
    }

    @Test("samples do not depend on what else is generated")
    func independence() throws {
        let decoder = decoder("window")
        let requests = (0..<40).map { index in
            GenerationRequest(
                prompt: Self.prompts[index % 5], maximumNewTokens: 3 + index % 7, topK: index % 3 == 0 ? 5 : nil,
                topP: index % 2 == 0 ? 0.8 : nil, stopIDs: [4, 11], seed: 9, index: UInt64(index))
        }
        let together = try Generator(decoder, runtime).generate(requests)
        let crowded = try Generator(decoder, runtime, concurrency: 3, prefillTokens: 4).generate(requests)
        let alone = try requests.map { try Generator(decoder, runtime).generate([$0])[0] }
        #expect(together == alone)
        #expect(crowded == alone)
        #expect(Set(together.map(\.finishReason)) == [.stop, .length])
        #expect(Set(together.map(\.ids)).count > 20)
    }

    @Test("a prompt that ends with tokens drawn before is continued as they were")
    func position() throws {
        let decoder = decoder()
        var request = GenerationRequest(prompt: [1, 2, 3], maximumNewTokens: 9, seed: 4, index: 2)
        let whole = try Generator(decoder, runtime).generate([request])[0]
        request.prompt += whole.ids.prefix(4)
        request.maximumNewTokens = 5
        let rest = try Generator(decoder, runtime).generate([request])[0]
        #expect(rest.ids == Array(whole.ids.dropFirst(4)))
        #expect(Set(whole.ids).count > 3)
    }

    @Test("frequencies and log-probabilities are those of the filtered distribution")
    func distribution() throws {
        let decoder = decoder()
        let prompt: [Int32] = [5, 6]
        let model = logProbs(decoder, prompt, temperature: 1.5)
        let order = model.indices.sorted { model[$0] > model[$1] }
        let cases: [(topK: Int?, topP: Double?)] = [(nil, nil), (4, nil), (nil, 0.6), (6, 0.5)]
        for (topK, topP) in cases {
            var kept = Array(order.prefix(topK ?? order.count))
            if let topP {
                let mass = kept.reduce(0) { $0 + exp(model[$1]) }
                var sum = 0.0
                let count = kept.firstIndex { index in
                    sum += exp(model[index])
                    return sum >= topP * mass
                }
                kept = Array(kept.prefix((count ?? 0) + 1))
            }
            let total = kept.reduce(0) { $0 + exp(model[$1]) }
            let draws = 4000
            let requests = (0..<draws).map {
                GenerationRequest(
                    prompt: prompt, maximumNewTokens: 1, temperature: 1.5, topK: topK, topP: topP, seed: 1,
                    index: UInt64($0))
            }
            var counts = [Int](repeating: 0, count: 19)
            for result in try Generator(decoder, runtime).generate(requests) {
                let id = Int(result.ids[0])
                counts[id] += 1
                #expect(abs(result.logProbs[0] - (model[id] - log(total))) < 1e-5)
            }
            for id in counts.indices {
                let probability = kept.contains(id) ? exp(model[id]) / total : 0
                let deviation = (probability * (1 - probability) / Double(draws)).squareRoot()
                #expect(abs(Double(counts[id]) / Double(draws) - probability) <= 4.5 * deviation)
            }
        }
    }

    @Test("a stop token ends its sequence only, unless it is ignored")
    func stopping() throws {
        let decoder = decoder()
        var request = GenerationRequest(prompt: [1, 2, 3], maximumNewTokens: 9, temperature: 0, seed: 0)
        let free = try Generator(decoder, runtime).generate([request])[0]
        let stop = free.ids[2]
        request.stopIDs = [stop]
        let stopped = try Generator(decoder, runtime).generate([request])[0]
        #expect(stopped.ids == Array(free.ids.prefix((free.ids.firstIndex(of: stop) ?? 0) + 1)))
        #expect(stopped.finishReason == .stop)
        request.ignoresStop = true
        #expect(try Generator(decoder, runtime).generate([request])[0] == free)
    }

    @Test(
        "on the CPU a result is the same bits alone, in company, and however prompts are grouped",
        arguments: [Precision.float32, .bfloat16], ["plain", "window"])
    func independenceOfBits(precision: Precision, name: String) throws {
        let runtime = Runtime(CPUBackend(threads: 2))
        var configuration = Self.configuration(name)
        // Sequences cross blocks, and products are large enough to be cut.
        (configuration.width, configuration.headSize, configuration.mlpWidth) = (48, 12, 72)
        (configuration.vocabularySize, configuration.positionCount) = (211, 300)
        configuration.positions = .rotary(Rope(theta: 100, dimCount: 12))
        configuration.initializerRange = 0.3
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: precision, seed: 3)
        let decoder = DecoderModel(configuration, store, runtime)
        let requests = (0..<30).map { index in
            GenerationRequest(
                prompt: (0..<(index % 6 * 23 + 1)).map { Int32(($0 * 31 + index % 6) % 211) },
                maximumNewTokens: 5 + index % 9 * 8, temperature: index % 4 == 0 ? 0 : 0.8,
                topK: index % 3 == 0 ? 50 : nil, topP: index % 5 == 0 ? 0.9 : nil, minP: index % 7 == 0 ? 0.01 : nil,
                repetitionPenalty: index % 2 == 0 ? 1 : 1.2, stopIDs: [17], seed: 9, index: UInt64(index))
        }
        let alone = try requests.map { try Generator(decoder, runtime).generate([$0])[0] }
        #expect(try Generator(decoder, runtime).generate(requests) == alone)
        #expect(try Generator(decoder, runtime, concurrency: 5, prefillTokens: 40).generate(requests) == alone)
        #expect(try Generator(decoder, runtime, concurrency: 12).generate(requests.reversed()) == alone.reversed())
        #expect(Set(alone.map(\.ids)).count > 25)
    }

    @Test("continuations over many blocks are those of whole forward passes")
    func manyBlocks() throws {
        var configuration = Self.configuration("window")
        configuration.positionCount = 256
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float64, seed: 3)
        let decoder = DecoderModel(configuration, store, runtime)
        let prompts = [60, 128, 63].map { count in (0..<count).map { Int32($0 * 5 % 19) } }
        let requests = (prompts + prompts).enumerated().map { index, prompt in
            GenerationRequest(prompt: prompt, maximumNewTokens: 8, temperature: 0.7, seed: 5, index: UInt64(index))
        }
        for (request, result) in zip(requests, try Generator(decoder, runtime, concurrency: 4).generate(requests)) {
            var ids = request.prompt
            for (id, logProb) in zip(result.ids, result.logProbs) {
                #expect(abs(logProb - logProbs(decoder, ids, temperature: 0.7)[Int(id)]) < 1e-9)
                ids.append(id)
            }
        }
    }

    @Test("a repetition penalty keeps tokens of the prompt and of the continuation from coming again")
    func penalty() throws {
        let decoder = decoder()
        let request = GenerationRequest(
            prompt: [1, 2, 3], maximumNewTokens: 12, temperature: 0, repetitionPenalty: 1e6, seed: 0)
        let result = try Generator(decoder, runtime).generate([request])[0]
        // Positive logits become next to nothing, so a token comes again only when all others are negative.
        let free = try Generator(decoder, runtime).generate([
            GenerationRequest(prompt: [1, 2, 3], maximumNewTokens: 12, temperature: 0, seed: 0)
        ])[0]
        #expect(Set(result.ids).count > Set(free.ids).count)
        var ids = request.prompt
        for id in result.ids {
            let model = logProbs(decoder, ids)
            let best = model.indices.filter { !ids.contains(Int32($0)) }.max { model[$0] < model[$1] }
            if ids.contains(id) == false { #expect(Int(id) == best) }
            ids.append(id)
        }
    }

    @Test("a stop string ends its sequence, and its text is cut before it")
    func stopStrings() throws {
        let decoder = decoder()
        func decode(_ ids: [Int32]) -> String { ids.map { "<\($0)>" }.joined() }
        let generator = Generator(decoder, runtime, decode: decode)
        var request = GenerationRequest(prompt: [1, 2, 3], maximumNewTokens: 9, temperature: 0, seed: 0)
        let free = try generator.generate([request])[0]
        #expect(free.stoppedText == nil && free.finishReason == .length)
        // From the middle of one token into the next.
        let stop = "\(free.ids[2])><\(free.ids[3])"
        request.stopStrings = ["never", stop, String(stop.dropFirst())]
        let stopped = try generator.generate([request])[0]
        let text = decode(free.ids)
        let cut = try #require(text.firstRange(of: stop)).lowerBound
        #expect(stopped.stoppedText == String(text[..<cut]))
        #expect(stopped.finishReason == .stop)
        #expect(free.ids.starts(with: stopped.ids) && decode(stopped.ids).contains(stop))
        #expect(!decode(stopped.ids.dropLast()).contains(stop))
        #expect {
            try Generator(decoder, runtime).generate([request])
        } throws: { error in
            "\(error)" == "cannot generate: request 0: stop strings are given, but there is no tokenizer that turns "
                + "tokens into text"
        }
    }

    @Test("a prompt is read once, whatever the number of its samples")
    func sharedPrompt() throws {
        func matrixProducts(samples: Int) throws -> Int {
            let counting = CountingBackend(ReferenceBackend())
            let runtime = Runtime(counting)
            let configuration = Self.configuration("plain")
            let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float64, seed: 3)
            let generator = Generator(DecoderModel(configuration, store, runtime), runtime, concurrency: 4)
            _ = try generator.generate(
                (0..<samples).map { .init(prompt: [1, 2, 3, 4], maximumNewTokens: 1, seed: 1, index: UInt64($0)) })
            return counting.matrixProducts
        }
        #expect(try matrixProducts(samples: 16) == matrixProducts(samples: 1))
    }

    @Test("generation works in every precision", arguments: Precision.allCases)
    func precisions(precision: Precision) throws {
        let requests = Self.prompts.map { GenerationRequest(prompt: $0, maximumNewTokens: 3, seed: 2) }
        let results = try Generator(decoder(precision: precision), runtime).generate(requests)
        #expect(results.allSatisfy { $0.logProbs.allSatisfy { $0.isFinite && $0 <= 0 } })
    }

    @Test("all problems of all requests are reported at once")
    func problems() {
        let requests = [
            GenerationRequest(prompt: [], maximumNewTokens: 0, temperature: -1, topK: 0, topP: 1.5, seed: 0),
            GenerationRequest(prompt: [1, 19], maximumNewTokens: 31, seed: 0),
        ]
        #expect {
            try Generator(decoder(), runtime).generate(requests)
        } throws: { error in
            "\(error)" == "cannot generate: request 0: the prompt is empty, expected at least one token; "
                + "request 0: maximumNewTokens is 0, expected at least 1; "
                + "request 0: temperature is -1.0, expected 0 or more; "
                + "request 0: top-k is 0, expected at least 1; "
                + "request 0: top-p is 1.5, expected more than 0 and at most 1; "
                + "request 1: the prompt has token 19, the model has tokens 0...18; "
                + "request 1: 2 prompt tokens and 31 new ones exceed the model's 32 positions, "
                + "ask for fewer new tokens or shorten the prompt"
        }
    }
}

/// Counts what passes through it.
private final class CountingBackend: Backend {
    private let inner: ReferenceBackend
    private(set) var matrixProducts = 0

    init(_ inner: ReferenceBackend) { self.inner = inner }

    var capabilities: Capabilities { inner.capabilities }
    func allocate(byteCount: Int) -> Buffer { inner.allocate(byteCount: byteCount) }
    func copy(_ transfer: Transfer) { inner.copy(transfer) }
    func supports(_ operation: Core.Operation) -> Bool { inner.supports(operation) }
    func synchronize() { inner.synchronize() }
    func run(_ operation: Core.Operation) {
        if case .matmul = operation { matrixProducts += 1 }
        inner.run(operation)
    }
}
