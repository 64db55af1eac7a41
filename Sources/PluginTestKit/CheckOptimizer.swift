import Core
public import PluginAPI

/// Checks an update rule on a quadratic, in float64: the loss falls, a run that is stopped and goes on from its states
/// ends at the same bits, and the rule gives the same bits when parameters are stored apart.
/// - Parameters:
///   - make: makes the optimizer, anew for each run.
///   - lr: the learning rate; the loss must fall within 50 steps.
/// - Throws: `ContractViolation` with every problem.
public func checkOptimizer(lr: Double = 0.05, _ make: () throws -> any Optimizer) throws {
    var problems: [String] = []
    let whole = try QuadraticRun(make(), lr: lr, blocks: ["one", "one"])
    let start = whole.loss
    whole.advance(steps: 1...50)
    if !(whole.loss < start) {
        problems.append("optimizer: the loss of a quadratic went from \(start) to \(whole.loss) in 50 steps of lr \(lr)")
    }

    let first = try QuadraticRun(make(), lr: lr, blocks: ["one", "one"])
    first.advance(steps: 1...20)
    let second = try QuadraticRun(make(), lr: lr, blocks: ["one", "one"])
    second.restore(first)
    second.advance(steps: 21...50)
    if second.weights != whole.weights {
        problems.append(
            "optimizer: a run that went on from its weights and states (\(whole.stateNames.joined(separator: ", "))) "
                + "ended elsewhere: something is kept outside them")
    }

    // Whole matrices are brought together before they are updated, so only elementwise rules can differ here.
    let apart = try QuadraticRun(make(), lr: lr, blocks: ["one", "two"])
    apart.advance(steps: 1...50)
    if apart.weights != whole.weights {
        problems.append("optimizer: parameters that are stored apart are updated differently")
    }
    problems += whole.wrongSigns.map { "optimizer: the state '\($0)' is declared nonnegative and is not" }
    if Set(whole.stateNames).count != whole.stateNames.count {
        problems.append("optimizer: two states have one name: \(whole.stateNames.joined(separator: ", "))")
    }
    try ContractViolation.check(problems)
}

/// Half the squared distance of two parameters from their targets, minimised.
private final class QuadraticRun {
    private let store: ParameterStore
    private let update: WeightUpdate
    private let nonnegative: Set<String>
    private let runtime = Runtime(ReferenceBackend())

    init(_ optimizer: any Optimizer, lr: Double, blocks: [String]) throws {
        let specs = [
            ParameterSpec(
                "a.weight", [4, 3], block: blocks[0], initializer: .normal(standardDeviation: 1), placement: .replicated),
            ParameterSpec(
                "b.weight", [2, 5], block: blocks[1], initializer: .normal(standardDeviation: 1), placement: .replicated),
        ]
        let settings = OptimizerSettings(lr: lr, weightDecay: 0, decay: .all, groups: [])
        let groups = try ParameterGroups(specs, optimizer, settings, freeze: [])
        store = ParameterStore(specs, runtime, precision: .float64, seed: 1) { groups.number(of: $0) }
        update = WeightUpdate(optimizer, store, groups)
        nonnegative = optimizer.nonnegativeStates
    }

    var stateNames: [String] { update.states.first?.names ?? [] }
    /// States that are declared nonnegative and hold a negative number.
    var wrongSigns: [String] {
        nonnegative.filter { name in
            update.states.contains { states in
                zip(states.names, states.arrays).contains { found, array in
                    found == name && array.values(0..<states.arena.elementCount).doubles().contains { $0 < 0 }
                }
            }
        }.sorted()
    }
    var weights: [[Double]] { store.parameters.map { $0.value.doubles() } }

    /// The targets are 3, 4, 5, ...
    private func distances(_ parameter: Parameter) -> [Double] {
        parameter.value.doubles().enumerated().map { $1 - Double($0 + 3) }
    }

    var loss: Double {
        store.parameters.flatMap(distances).reduce(0) { $0 + $1 * $1 / 2 }
    }

    func advance(steps: ClosedRange<Int>) {
        for step in steps {
            for parameter in store.parameters {
                guard let gradient = parameter.gradient else { continue }
                let values = runtime.tensor(distances(parameter), gradient.shape)
                runtime.run(.copy(from: values.view, to: gradient.view))
            }
            update.apply(step: step, lrFactor: 1, gradientScale: 1)
        }
    }

    /// Takes over the weights and states of another run, as a checkpoint would.
    func restore(_ other: QuadraticRun) {
        for (mine, theirs) in zip(store.parameters, other.store.parameters) {
            runtime.run(.copy(from: runtime.tensor(theirs.value.doubles(), mine.shape).view, to: mine.value.view))
        }
        for (mine, theirs) in zip(update.states, other.update.states) {
            let all = 0..<mine.arena.elementCount
            for (state, other) in zip(mine.arrays, theirs.arrays) {
                state.set(runtime.tensor(other.values(all).doubles(), [all.count]), in: all)
            }
        }
    }
}
