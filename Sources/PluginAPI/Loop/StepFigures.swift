internal import Core

/// The figures of one optimizer step: what the loop adds up over micro-batches and ranks.
public struct StepFigures {
    public private(set) var loss = 0.0
    public internal(set) var gradientNorm = 0.0
    public internal(set) var lr = 0.0
    public let tokenCount: Int
    /// The trainer's own figures, sorted by name.
    public private(set) var metrics: [(name: String, value: Double)] = []
    private var weights: [String: Double]
    private var sums: [(name: String, coefficient: Double, sum: Tensor)] = []
    private var pending: [String: (sum: Double, weight: Double)]
    private var pendingTensors: [Objective.Metric] = []

    /// - Parameter layerWeights: the weights of terms that layers emit for a micro-batch.
    init(_ batches: [MicroBatch], layerWeights: (MicroBatch) -> [String: Double]) {
        tokenCount = batches.reduce(0) { $0 + $1.tokenCount }
        weights = batches.reduce(into: [:]) {
            $0.merge($1.weights, uniquingKeysWith: +)
            $0.merge(layerWeights($1), uniquingKeysWith: +)
        }
        pending = batches.reduce(into: [:]) { all, batch in
            all.merge(batch.metrics) { ($0.sum + $1.sum, $0.weight + $1.weight) }
        }
    }

    /// Whether any term of the step weighs anything.
    var hasWeight: Bool { weights.values.contains { $0 != 0 } }

    /// Adds the weights up over the data ranks, before any backward.
    mutating func reduceWeights(_ session: TrainingSession) throws {
        let names = weights.keys.sorted()
        let totals = try session.reduce(names.map { weights[$0] ?? 0 })
        weights = Dictionary(uniqueKeysWithValues: zip(names, totals))
    }

    func weight(of term: Objective.Term) throws -> Double {
        guard let weight = weights[term.name] else {
            throw InputError(
                "trainer", "the loss term '\(term.name)' has no weight; the micro-batches weigh "
                    + weights.keys.sorted().joined(separator: ", "),
                fix: "set MicroBatch.weights[\"\(term.name)\"] in the trainer's experience")
        }
        return weight
    }

    mutating func add(_ objective: Objective) {
        // Sums are read once, at the end of the step.
        sums += objective.terms.map { ($0.name, $0.coefficient, $0.sum.detached) }
        pendingTensors += objective.metrics.map { .init($0.name, sum: $0.sum.detached, weight: $0.weight) }
    }

    /// Reads the sums, adds them up over the data ranks, and forms loss and metrics.
    mutating func finish(_ session: TrainingSession) throws {
        var local = 0.0
        for term in sums {
            guard let weight = weights[term.name], weight != 0 else { continue }
            local += term.coefficient * term.sum.doubles().reduce(0, +) / weight
        }
        for metric in pendingTensors {
            let known = pending[metric.name] ?? (0, 0)
            pending[metric.name] = (known.sum + metric.sum.doubles().reduce(0, +), known.weight + metric.weight)
        }
        let names = pending.keys.sorted()
        let totals = try session.reduce([local] + names.flatMap { [pending[$0]?.sum ?? 0, pending[$0]?.weight ?? 0] })
        loss = totals[0]
        metrics = names.enumerated().compactMap { index, name in
            let weight = totals[2 + 2 * index]
            return weight == 0 ? nil : (name, totals[1 + 2 * index] / weight)
        }
        sums = []
        pendingTensors = []
    }
}
