public import Core

/// An optimizer at work: its states in arenas beside the weights', and its rule as one program over each arena.
public final class WeightUpdate {
    /// The states of one arena, flat, in the order of `names`.
    public struct ArenaStates {
        public let arena: Arena
        public let names: [String]
        public let tensors: [Tensor]
    }

    public let states: [ArenaStates]
    private let optimizer: any Optimizer
    private let groups: [ParameterGroups.Group]
    private let program: Program

    public init(_ optimizer: any Optimizer, _ store: ParameterStore, _ groups: ParameterGroups) {
        self.optimizer = optimizer
        self.groups = groups.groups
        let matrixNames = (optimizer as? any WholeMatrixOptimizer)?.matrixStateNames ?? []
        states = store.arenas.filter { $0.group != nil }.map { arena in
            let isMatrix = arena.group.map { groups.groups[$0].isWholeMatrix } ?? false
            let names = isMatrix ? matrixNames : optimizer.stateNames
            // States are kept in float32 or wider whatever the weights' type.
            let dtype: DType = arena.dtype == .bfloat16 ? .float32 : arena.dtype
            return ArenaStates(
                arena: arena, names: names,
                tensors: names.map { _ in arena.weights.runtime.zeros([arena.elementCount], dtype) })
        }
        program = WeightUpdate.program(optimizer)
    }

    /// Updates all trained weights.
    /// - Parameters:
    ///   - step: 1, 2, ...
    ///   - lrFactor: the schedule's factor on every group's lr.
    ///   - gradientScale: what gradients are multiplied by (clipping).
    public func apply(step: Int, lrFactor: Double, gradientScale: Double) {
        let extra = optimizer.scalars(step: step)
        for states in states {
            let arena = states.arena
            guard let number = arena.group, let gradients = arena.gradients else { continue }
            let group = groups[number]
            if group.isWholeMatrix, let optimizer = optimizer as? any WholeMatrixOptimizer {
                for entry in arena.entries {
                    func view(_ flat: Tensor) -> Tensor {
                        Tensor(flat.view.sliced(dim: 0, entry.range).reshaped(to: entry.shape), flat.runtime)
                    }
                    optimizer.update(
                        MatrixUpdate(
                            weight: view(arena.weights), gradient: view(gradients), states: states.tensors.map(view),
                            lr: group.lr * lrFactor, weightDecay: group.weightDecay, gradientScale: gradientScale,
                            step: step))
                }
            } else {
                let stateViews = states.tensors.map(\.view)
                arena.weights.runtime.run(
                    .map(
                        program, inputs: [arena.weights.view, gradients.view] + stateViews,
                        outputs: [arena.weights.view] + stateViews,
                        scalars: [group.lr * lrFactor, group.weightDecay, gradientScale] + extra))
            }
            arena.refreshCompute()
        }
    }

    /// The rule as a program: inputs weight, gradient, states; scalars lr, decay, gradient scale, the optimizer's own.
    private static func program(_ optimizer: any Optimizer) -> Program {
        let stateCount = optimizer.stateNames.count
        return Program(inputs: 2 + stateCount, scalars: 3 + optimizer.scalars(step: 1).count) { inputs, scalars in
            let updated = optimizer.update(
                UpdateElement(
                    weight: inputs[0], gradient: inputs[1] * scalars[2], states: Array(inputs[2...]), lr: scalars[0],
                    weightDecay: scalars[1], scalars: Array(scalars[3...])))
            precondition(updated.states.count == stateCount, "optimizer: a rule returned another number of states")
            return [updated.weight] + updated.states
        }
    }
}

extension ParameterStore {
    /// The Euclidean norm of all gradients; each element counts once. Row sums in the arena's type, the rest in float64.
    public func gradientNorm() -> Double {
        let squares = Program(inputs: 1) { x, _ in [(x[0] * x[0]).rowSum] }
        var total = 0.0
        for arena in arenas {
            guard let gradients = arena.gradients else { continue }
            let rows = arena.elementCount / Arena.shardAlignment
            let sums = gradients.runtime.empty([rows, 1], gradients.dtype == .bfloat16 ? .float32 : gradients.dtype)
            let view = gradients.view.reshaped(to: [rows, Arena.shardAlignment])
            gradients.runtime.run(.map(squares, inputs: [view], outputs: [sums.view], scalars: []))
            total += sums.doubles().reduce(0, +)
        }
        return total.squareRoot()
    }
}
