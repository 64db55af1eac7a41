internal import Core

/// The figures of one optimizer step: what the loop adds up over micro-batches and ranks.
public struct StepFigures {
    public private(set) var loss = 0.0
    public internal(set) var gradientNorm = 0.0
    public internal(set) var lr = 0.0
    public private(set) var tokenCount: Int
    /// The trainer's own figures, sorted by name.
    public private(set) var metrics: [(name: String, value: Double)] = []
    private var weights: [String: Double]
    private var sums: [(name: String, coefficient: Double, sum: Tensor)] = []
    private var pending: [String: (sum: Double, weight: Double)]
    private var pendingTensors: [Objective.Metric] = []

    init(_ batches: [MicroBatch]) {
        tokenCount = batches.reduce(0) { $0 + $1.tokenCount }
        weights = batches.reduce(into: [:]) { $0.merge($1.weights, uniquingKeysWith: +) }
        pending = batches.reduce(into: [:]) { all, batch in
            all.merge(batch.metrics) { ($0.sum + $1.sum, $0.weight + $1.weight) }
        }
    }

    /// Whether any term of the step weighs anything.
    var hasWeight: Bool { weights.values.contains { $0 != 0 } }

    /// Adds the weights up over the data ranks, before any backward.
    mutating func reduceWeights(_ plan: RankPlan) throws { weights = try RankPlan.total(weights, over: plan.data) }

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

    /// Reads the sums, adds them up over ranks, and forms loss and metrics.
    mutating func finish(_ plan: RankPlan) throws {
        // What was known before the forward is known to all stages, and counted once.
        var all: [String: Double] = [:]
        if plan.speaksForSamples {
            all["tokens"] = Double(tokenCount)
            for (name, known) in pending { (all["sum " + name], all["weight " + name]) = (known.sum, known.weight) }
        }
        for term in sums {
            guard let weight = weights[term.name], weight != 0 else { continue }
            all["loss", default: 0] += term.coefficient * term.sum.doubles().reduce(0, +) / weight
        }
        for metric in pendingTensors {
            all["sum " + metric.name, default: 0] += metric.sum.doubles().reduce(0, +)
            all["weight " + metric.name, default: 0] += metric.weight
        }
        all = try RankPlan.total(all, over: plan.figureRanks)
        (loss, tokenCount) = (all["loss"] ?? 0, Int(all["tokens"] ?? 0))
        metrics = all.keys.sorted().filter { $0.hasPrefix("weight ") }.compactMap { key in
            let name = String(key.dropFirst("weight ".count))
            guard let weight = all[key], weight != 0 else { return nil }
            return (name, (all["sum " + name] ?? 0) / weight)
        }
        (sums, pendingTensors) = ([], [])
    }
}
