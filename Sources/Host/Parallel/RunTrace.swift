import Core
import DataLoader
import PluginAPI

/// What a run did, step by step, in a form in which runs of different layouts can be compared.
struct RunTrace: Sendable, Codable {
    /// A weight or an optimizer state.
    struct Key: Sendable, Codable, Hashable, Comparable, CustomStringConvertible {
        let name: String
        let kind: String

        var description: String { kind == CheckpointItem.weight ? name : "\(kind) of \(name)" }

        static func < (a: Key, b: Key) -> Bool { (a.name, a.kind) < (b.name, b.kind) }
    }

    /// Values of one tensor at places of the whole parameter.
    struct Piece: Sendable, Codable {
        let key: Key
        let shape: [Int]
        let offset: [Int]
        let size: [Int]
        let values: [Double]
    }

    struct Step: Sendable, Codable {
        let loss: Double
        let gradientNorm: Double
        let weights: [Piece]
    }

    var initial: [Piece] = []
    var steps: [Step] = []
    var states: [Piece] = []

    /// What this rank speaks for of the weights.
    static func weights(_ store: ParameterStore) -> [Piece] {
        store.arenas.filter { $0.group != nil && $0.sharding.speaks }.flatMap { arena in
            pieces(of: arena, CheckpointItem.weight) { _ in arena.weights }
        }
    }

    /// What this rank speaks for of the optimizer states.
    static func states(_ update: WeightUpdate) -> [Piece] {
        update.states.filter(\.arena.sharding.speaks).flatMap { states in
            zip(states.names, states.arrays).flatMap { name, array in
                pieces(of: states.arena, name) { _ in array.values(0..<states.arena.owned.count) }
            }
        }
    }

    private static func pieces(of arena: Arena, _ kind: String, _ values: (Arena.Entry) -> Tensor) -> [Piece] {
        arena.entries.filter(\.isCounted).flatMap { entry in
            arena.ownedBoxes(of: entry).map { box in
                let view = box.view(of: values(entry))
                return Piece(
                    key: Key(name: entry.name, kind: kind), shape: entry.wholeShape, offset: box.offset, size: view.shape,
                    values: view.doubles())
            }
        }
    }
}

/// Keeps a trace while a run goes on.
final class TraceRecorder: RunObserver {
    private(set) var trace = RunTrace()
    private let update: WeightUpdate

    init(_ rank: RankRun) {
        update = rank.update
        trace.initial = RunTrace.weights(rank.policy.store)
    }

    let shouldStop = false

    func skipped(_ sample: Sample) {}

    func finished(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) {
        trace.steps.append(
            RunTrace.Step(
                loss: figures.loss, gradientNorm: figures.gradientNorm, weights: RunTrace.weights(run.policy.store)))
        if run.isDone { trace.states = RunTrace.states(update) }
    }
}
