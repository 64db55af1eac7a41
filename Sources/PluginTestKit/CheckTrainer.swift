// V vocabulary, C width, N scored positions

import Core
public import DataLoader
import JSON
public import PluginAPI

/// Checks a trainer on a model of one embedding and one head, in float64: each loss term has a weight that was known before
/// the forward, weights do not depend on how samples are cut into micro-batches, and neither does the gradient.
/// - Parameters:
///   - samples: at least two that the trainer can use; their token ids lie below `vocabularySize`.
///   - make: makes the trainer for a session.
/// - Throws: `ContractViolation` with every problem.
public func checkTrainer(
    _ samples: [Sample], vocabularySize: Int, sequenceLength: Int = 64, _ make: (TrainingSession) throws -> any Trainer
) throws {
    let whole = try TrainerRun(samples, vocabularySize, sequenceLength, microBatchSize: samples.count, make)
    let split = try TrainerRun(samples, vocabularySize, sequenceLength, microBatchSize: 1, make)
    var problems = whole.problems
    if whole.weights.isEmpty { problems.append("trainer: no micro-batch has a weight, so nothing is trained") }
    for (name, weight) in whole.weights.sorted(by: { $0.key < $1.key }) {
        let other = split.weights[name] ?? 0
        if abs(weight - other) > 1e-9 * max(1, abs(weight)) {
            problems.append("trainer: '\(name)' weighs \(weight) in one micro-batch and \(other) in single samples")
        }
    }
    let scale = whole.gradient.map(abs).max() ?? 0
    let difference = zip(whole.gradient, split.gradient).map { abs($0 - $1) }.max() ?? 0
    if scale == 0 { problems.append("trainer: the gradient is zero") }
    if difference > 1e-9 * max(scale, 1e-300) {
        problems.append("trainer: the gradient changes by \(difference) (of \(scale)) when micro-batches are single samples")
    }
    try ContractViolation.check(problems)
}

/// One optimizer step's gradient.
private struct TrainerRun {
    private(set) var problems: [String] = []
    private(set) var weights: [String: Double] = [:]
    /// Of the embedding, [V C].
    private(set) var gradient: [Double] = []

    init(
        _ samples: [Sample], _ vocabularySize: Int, _ sequenceLength: Int, microBatchSize: Int,
        _ make: (TrainingSession) throws -> any Trainer
    ) throws {
        let settings = TrainingSettings(
            seed: 1, batchSize: samples.count, microBatchSize: microBatchSize, sequenceLength: sequenceLength)
        let model = TinyModel(vocabularySize)
        let trainer = try make(TrainingSession(settings: settings, tokenizer: nil, engine: model))
        let batches = try trainer.experience(from: samples.compactMap { try trainer.example(from: $0) })
        for batch in batches { weights.merge(batch.weights, uniquingKeysWith: +) }
        gradient = Array(repeating: 0, count: vocabularySize * TinyModel.width)
        for batch in batches where batch.scoredCount > 0 {
            let graph = Graph(model.runtime, recording: true)
            let (table, scores) = model.score(batch, graph)
            let objective = try trainer.objective(scores, batch)
            var seeds: [(Tensor, gradient: Tensor)] = []
            for term in objective.terms {
                guard batch.weights[term.name] != nil, let weight = weights[term.name] else {
                    problems.append("trainer: the term '\(term.name)' has no weight in its micro-batch")
                    continue
                }
                if weight > 0 {
                    seeds.append((term.sum, model.runtime.full(term.sum.shape, .float64, term.coefficient / weight)))
                }
            }
            graph.backward(from: seeds)
            guard let found = graph.gradient(of: table) else { continue }
            gradient = zip(gradient, found.doubles()).map { $0 + $1 }
        }
        problems = Array(Set(problems)).sorted()
    }
}

/// log p(next | token) = log softmax(head embedding[token]): the smallest model that can be scored. Its reference has the
/// same weights, it generates nothing, and there is one rank.
private final class TinyModel: TrainingEngine {
    static let width = 8
    let runtime = Runtime(ReferenceBackend())
    private let table: [Double]
    private let head: Parameter
    private let vocabularySize: Int

    init(_ vocabularySize: Int) {
        self.vocabularySize = vocabularySize
        let count = vocabularySize * TinyModel.width
        table = (0..<count).map { (Double(($0 * 7919 + 13) % 1009) / 1009) - 0.5 }
        let values = (0..<count).map { (Double(($0 * 104_729 + 7) % 997) / 997) - 0.5 }
        let shape = [vocabularySize, TinyModel.width]
        head = Parameter(name: "head", value: runtime.tensor(values, shape), gradient: nil)
    }

    func score(_ batch: MicroBatch, _ graph: Graph) -> (table: Tensor, TokenScores) {
        var (previous, targets, owners): ([Int32], [Int32], [Int32]) = ([], [], [])
        for (number, sequence) in batch.sequences.enumerated() {
            for place in sequence.ids.indices where sequence.trained[place] {
                previous.append(sequence.ids[place - 1])
                targets.append(sequence.ids[place])
                owners.append(Int32(number))
            }
        }
        let leaf = graph.leaf(runtime.tensor(table, [vocabularySize, TinyModel.width]))
        let hidden = graph.rows(leaf, at: runtime.tensor(previous, [previous.count]))
        let scores = graph.score(
            hidden, head: head, targets: runtime.tensor(targets, [targets.count]), temperature: batch.temperature)
        let result = TokenScores(
            graph: graph, scores: scores, sequenceIndex: runtime.tensor(owners, [owners.count]),
            sequenceCount: batch.sequences.count, settings: ObjectiveSettings())
        return (leaf, result)
    }

    func score(_ role: String, _ batch: MicroBatch) throws -> [Double] {
        score(batch, Graph(runtime, recording: false)).1.logProbs.doubles()
    }

    func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        throw ContractViolation(problems: ["trainer: this check has no generation; check `objective` with batches of your own"])
    }

    func reduce(_ values: [Double]) throws -> [Double] { values }

    func reward(_ name: String, options: JSONValue) throws -> any Reward {
        throw ContractViolation(problems: ["trainer: this check has no rewards"])
    }
}
