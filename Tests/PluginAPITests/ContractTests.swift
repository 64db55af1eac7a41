import Core
import DataLoader
import Foundation
import JSON
import PluginAPI
import PluginTestKit
import Testing

@Suite struct ContractTests {
    private static let samples = [[1, 2, 3, 4], [5, 6, 7], [2, 2, 9, 1, 0, 3]].enumerated().map { index, ids in
        let text = "[" + ids.map(String.init).joined(separator: ",") + "]"
        return Sample(
            schema: Schema(names: ["input_ids"], encodings: [.json]), buffer: ByteBuffer(Array(text.utf8)),
            ranges: [0..<text.utf8.count], origin: "test", index: index)
    }

    private func problems(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch let violation as ContractViolation {
            return violation.problems
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `settings without help are found`() throws {
        struct Silent: PluginConfig {
            var loud = 1
            var quiet = 2
            static let template = Silent()
            static let help = ["loud": "how loud"]
        }
        #expect(problems { try checkConfig(Silent.self) } == ["Silent: the setting 'quiet' has no help"])
        try checkConfig(NoConfig.self)
    }

    @Test func `an optimizer that keeps its contract passes`() throws {
        try checkOptimizer { Descent(sign: -1) }
    }

    @Test func `an optimizer that climbs, and one that keeps a secret, are found`() {
        #expect(problems { try checkOptimizer { Descent(sign: 1) } }.first?.hasPrefix("optimizer: the loss of a quadratic") == true)
        #expect(
            problems { try checkOptimizer { Secretive() } } == [
                "optimizer: a run that went on from its weights and states () ended elsewhere: something is kept outside them"
            ])
    }

    @Test func `a trainer that keeps its contract passes`() throws {
        try checkTrainer(Self.samples, vocabularySize: 16) { CountingTrainer(session: $0, term: "tokens", perBatch: false) }
    }

    @Test func `a term without a weight, and a mean over the micro-batch, are found`() {
        #expect(
            problems {
                try checkTrainer(Self.samples, vocabularySize: 16) {
                    CountingTrainer(session: $0, term: "token", perBatch: false)
                }
            }.first == "trainer: the term 'token' has no weight in its micro-batch")
        #expect(
            problems {
                try checkTrainer(Self.samples, vocabularySize: 16) {
                    CountingTrainer(session: $0, term: "tokens", perBatch: true)
                }
            }.contains { $0.hasPrefix("trainer: the gradient changes by ") })
    }
}

private struct Descent: Optimizer {
    let sign: Double
    init(sign: Double) { self.sign = sign }
    init(_ config: NoConfig) throws { sign = -1 }
    var stateNames: [String] { ["average"] }
    func update(_ element: UpdateElement) -> UpdatedElement {
        let average = element.states[0] * 0.5 + element.gradient * 0.5
        return UpdatedElement(weight: element.weight + element.lr * sign * average, states: [average])
    }
}

/// Counts its own steps, which no checkpoint knows.
private final class Secretive: Optimizer {
    private var count = 0.0
    init() {}
    init(_ config: NoConfig) throws {}
    var stateNames: [String] { [] }
    func scalars(step: Int) -> [Double] {
        count += 1
        return [1 / count]
    }
    func update(_ element: UpdateElement) -> UpdatedElement {
        UpdatedElement(weight: element.weight - element.lr * element.scalars[0] * element.gradient, states: [])
    }
}

private struct CountingTrainer: Trainer {
    let session: TrainingSession
    let term: String
    let perBatch: Bool

    init(session: TrainingSession, term: String, perBatch: Bool) {
        (self.session, self.term, self.perBatch) = (session, term, perBatch)
    }

    init(_ config: NoConfig, _ session: TrainingSession) throws {
        self.init(session: session, term: "tokens", perBatch: false)
    }

    func example(from sample: Sample) throws -> Example? {
        guard let tokens = try session.tokens(of: sample) else { return nil }
        return Example([TokenSequence(ids: tokens.ids, trained: tokens.ids.map { _ in true })], from: sample)
    }

    func experience(from examples: [Example]) throws -> [MicroBatch] {
        MicroBatch.collate(examples, size: session.settings.microBatchSize, term: "tokens")
    }

    func objective(_ scores: TokenScores, _ batch: MicroBatch) throws -> Objective {
        let factor = perBatch ? -1 / Double(batch.scoredCount) : -1.0
        return Objective([.init(term, sum: scores.map([scores.logProbs]) { $0[0] * factor })])
    }
}
