public import Core
internal import Random

/// An optimizer at work: its states in arenas beside the weights', and its rule as one program over each arena.
public final class WeightUpdate {
    /// The states of one arena, in the order of `names`.
    public struct ArenaStates {
        public let arena: Arena
        public let names: [String]
        public let arrays: [StateArray]
    }

    public let states: [ArenaStates]
    private let optimizer: any Optimizer
    private let groups: [ParameterGroups.Group]
    /// The rule for arenas with and without a copy in the compute type.
    private let programs: (copying: Program, plain: Program)
    private let seed: UInt64
    private let places: [String: ParameterPlace]

    /// - Parameters:
    ///   - optimizer: the rule.
    ///   - store: the parameters.
    ///   - groups: their settings.
    ///   - storage: what states are kept in; nil = what the weights' precision comes with.
    ///   - seed: for what is rounded at random; the run's seed.
    public init(
        _ optimizer: any Optimizer, _ store: ParameterStore, _ groups: ParameterGroups, storage: StateStorage? = nil,
        seed: UInt64 = 0
    ) {
        self.optimizer = optimizer
        self.groups = groups.groups
        self.seed = seed
        places = store.places
        let storage = storage ?? .standard(for: store.precision)
        let matrixNames = (optimizer as? any WholeMatrixOptimizer)?.matrixStateNames ?? []
        let nonnegative = optimizer.nonnegativeStates
        states = store.arenas.filter { $0.group != nil }.map { arena in
            let isMatrix = arena.group.map { groups.groups[$0].isWholeMatrix } ?? false
            let names = isMatrix ? matrixNames : optimizer.stateNames
            return ArenaStates(
                arena: arena, names: names,
                arrays: names.map { StateArray(for: arena, storage, isSigned: !nonnegative.contains($0)) })
        }
        programs = (WeightUpdate.program(optimizer, isCopying: true), WeightUpdate.program(optimizer, isCopying: false))
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
            guard let number = arena.group, let gradients = arena.ownedGradients else { continue }
            let group = groups[number]
            if group.isWholeMatrix, let optimizer = optimizer as? any WholeMatrixOptimizer {
                for entry in arena.entries {
                    update(entry, of: states, gradients, step: step) { weight, gradient, states in
                        optimizer.update(
                            MatrixUpdate(
                                weight: weight, gradient: gradient, states: states, lr: group.lr * lrFactor,
                                weightDecay: group.weightDecay, gradientScale: gradientScale, step: step))
                    }
                }
                arena.refreshCompute()
            } else {
                update(
                    states, gradients, step: step,
                    scalars: [group.lr * lrFactor, group.weightDecay, gradientScale] + extra)
            }
        }
    }

    /// The rule over what is owned of an arena: at once where everything is float32, else piece by piece, because what is
    /// rounded at random is keyed by the element of the parameter. The compute copy is written with the weights.
    private func update(_ states: ArenaStates, _ gradients: Tensor, step: Int, scalars: [Double]) {
        let arena = states.arena
        let runtime = arena.weights.runtime
        let copy = arena.ownedCopy.map { [$0.view] } ?? []
        let program = copy.isEmpty ? programs.plain : programs.copying
        let wide = states.arrays.compactMap(\.wide?.view)
        if wide.count == states.arrays.count && arena.dtype != .bfloat16 {
            runtime.run(
                .map(
                    program, inputs: [arena.weights.view, gradients.view] + wide,
                    outputs: [arena.weights.view] + wide + copy, scalars: scalars))
            return
        }
        for entry in arena.entries {
            for (range, first) in arena.ownedPieces(of: entry) {
                let weight = StoredArray.updated(
                    arena.weights.view.sliced(dim: 0, range), rounding: source(step, entry, CheckpointItem.weight),
                    first: first)
                let arrays = zip(states.names, states.arrays).map { name, array in
                    array.stored(range, rounding: source(step, entry, name), first: first)
                }
                let gradient = StoredArray.numbers(gradients.view.sliced(dim: 0, range))
                runtime.run(
                    .storedMap(
                        StoredMap(
                            program, inputs: [weight.input, gradient] + arrays.map(\.input),
                            outputs: [weight.output] + arrays.map(\.output)
                                + copy.map { .numbers($0.sliced(dim: 0, range)) },
                            scalars: scalars)))
            }
        }
    }

    /// Hands a whole matrix to `body` in float32 or wider, and keeps what it makes of weight and states. Where ranks hold
    /// parts of it, each brings the whole together and makes the same of it.
    private func update(
        _ entry: Arena.Entry, of states: ArenaStates, _ gradients: Tensor, step: Int,
        _ body: (_ weight: Tensor, _ gradient: Tensor, _ states: [Tensor]) -> Void
    ) {
        let arena = states.arena
        let runtime = arena.weights.runtime
        func part(_ flat: Tensor) -> Tensor { Tensor(flat.view.sliced(dim: 0, entry.range), runtime) }
        func widened(_ flat: Tensor) -> Tensor { flat.dtype == .bfloat16 ? flat.cast(to: .float32) : flat }
        let kept = part(arena.weights)
        let parts = ([kept] + states.arrays.map { $0.values(entry.range) }).map { widened($0).reshaped(to: entry.shape) }
        let gradient = part(gradients).reshaped(to: entry.shape)
        if let peers = places[entry.name]?.peers {
            let wholes = parts.map { entry.whole($0, peers) }
            body(wholes[0], entry.whole(gradient, peers), Array(wholes[1...]))
            for (whole, part) in zip(wholes, parts) { entry.copyBoxes(of: whole, part) { ($0, $1) } }
        } else {
            body(parts[0], gradient, Array(parts[1...]))
        }

        func keep(_ values: Tensor, as target: (_ range: Range<Int>, _ first: UInt64) -> StoredArray) {
            let flat = values.view.reshaped(to: [entry.range.count])
            for (range, first) in arena.ownedPieces(of: entry) {
                let numbers = flat.sliced(dim: 0, range.from(entry.range.lowerBound))
                runtime.run(.storedMap(StoredMap(.identity, inputs: [.numbers(numbers)], outputs: [target(range, first)])))
            }
        }
        if kept.dtype == .bfloat16 {
            let source = source(step, entry, CheckpointItem.weight)
            keep(parts[0]) { .rounded(arena.weights.view.sliced(dim: 0, $0), source, first: $1) }
        }
        for (index, array) in states.arrays.enumerated() where array.wide == nil {
            let source = source(step, entry, states.names[index])
            keep(parts[1 + index]) { array.stored($0, rounding: source, first: $1).output }
        }
    }

    /// Random numbers by (seed, step, parameter, what of it); the element is their index.
    private func source(_ step: Int, _ entry: Arena.Entry, _ what: String) -> Philox {
        Philox(seed: seed, stream: "round/\(step)/\(what)/\(entry.name)")
    }

    /// The rule as a program: inputs weight, gradient, states; scalars lr, decay, gradient scale, the optimizer's own;
    /// outputs weight, states, and the weight again when it is copied.
    private static func program(_ optimizer: any Optimizer, isCopying: Bool) -> Program {
        let stateCount = optimizer.stateNames.count
        return Program(inputs: 2 + stateCount, scalars: 3 + optimizer.scalars(step: 1).count) { inputs, scalars in
            let updated = optimizer.update(
                UpdateElement(
                    weight: inputs[0], gradient: inputs[1] * scalars[2], states: Array(inputs[2...]), lr: scalars[0],
                    weightDecay: scalars[1], scalars: Array(scalars[3...])))
            precondition(updated.states.count == stateCount, "optimizer: a rule returned another number of states")
            return [updated.weight] + updated.states + (isCopying ? [updated.weight] : [])
        }
    }
}

extension Arena.Entry {
    /// The whole parameter, from the parts that ranks have of it.
    fileprivate func whole(_ part: Tensor, _ peers: (ranks: Communicator, speaks: Bool)) -> Tensor {
        let whole = part.runtime.zeros(wholeShape, part.dtype)
        // Everything is once not 0, so the sum is exact.
        if peers.speaks { copyBoxes(of: whole, part) { (from: $1, to: $0) } }
        peers.ranks.run(.allReduce(whole))
        return whole
    }

    /// Copies between the boxes of the whole that are held and their places in what is held.
    fileprivate func copyBoxes(
        of whole: Tensor, _ held: Tensor, _ direction: (BufferView, BufferView) -> (from: BufferView, to: BufferView)
    ) {
        for (box, range) in part.pieces where box.elementCount > 0 {
            let inWhole = box.offset.indices.reduce(whole.view) { view, dim in
                view.sliced(dim: dim, box.offset[dim]..<box.offset[dim] + box.size[dim])
            }
            let (from, to) = direction(inWhole, held.view.sliced(dim: part.dim, range))
            whole.runtime.run(.copy(from: from, to: to))
        }
    }
}

extension PolicyModel {
    /// The Euclidean norm of all gradients of the model; each element counts once, whatever number of ranks holds it. Row
    /// sums in the arena's type, the rest in float64.
    public func gradientNorm() throws -> Double {
        try plan.mesh.world.sum([store.countedSquares()])[0].squareRoot()
    }
}

extension ParameterStore {
    /// The sum of squares of the gradients that this rank speaks for.
    fileprivate func countedSquares() -> Double {
        let squares = Program(inputs: 1) { x, _ in [(x[0] * x[0]).rowSum] }
        let row = Arena.shardAlignment
        var total = 0.0
        for arena in arenas where arena.sharding.speaks {
            guard let gradients = arena.ownedGradients else { continue }
            let rows = arena.owned.count / row
            let sums = gradients.runtime.empty([rows, 1], gradients.dtype == .bfloat16 ? .float32 : gradients.dtype)
            let view = gradients.view.reshaped(to: [rows, row])
            gradients.runtime.run(.map(squares, inputs: [view], outputs: [sums.view], scalars: []))
            let values = sums.doubles()
            for entry in arena.entries where entry.isCounted {
                let common = entry.range.clamped(to: arena.owned)
                if common.isEmpty { continue }
                // Parameters start at multiples of a row, and what lies between them is 0.
                let range = common.from(arena.owned.lowerBound)
                total += values[range.lowerBound / row..<(range.upperBound + row - 1) / row].reduce(0, +)
            }
        }
        return total
    }
}
