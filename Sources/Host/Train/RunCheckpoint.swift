import Core
import DataLoader
import Foundation
import JSON
import PluginAPI

/// What a checkpoint holds beside tensors, and the way in and out of one.
struct RunCheckpoint {
    let recipe: JSONValue
    let plugins: JSONValue
    let environment: JSONValue

    /// Writes weights, optimizer states and everything else that a resumed run must have again.
    func write(_ run: TrainingRun, to writer: CheckpointWriter) throws {
        var sections: [String: Data] = [
            "progress": try JSONEncoder().encode(run.progress),
            "loader": try JSONEncoder().encode(run.loader.state),
            "recipe": Data(recipe.text.utf8),
            "plugins": Data(plugins.text.utf8),
            "environment": Data(environment.text.utf8),
        ]
        if let trainer = run.trainer as? any HasState { sections["trainer"] = Data(try trainer.state().text.utf8) }
        try writer.write(
            step: run.progress.step, items: RunCheckpoint.items(run.policy.store, run.update), sections: sections)
    }

    /// Host copies that may be on their way to the file at once, bytes.
    static let snapshotByteLimit = 256 << 20

    /// Bytes of every tensor of a run.
    static func byteCount(_ store: ParameterStore, _ update: WeightUpdate) -> Int {
        items(store, update).reduce(0) { $0 + $1.shape.reduce($1.dtype.byteCount, *) }
    }

    /// Every tensor of a run under its parameter's name.
    static func items(_ store: ParameterStore, _ update: WeightUpdate) -> [CheckpointItem] {
        let weights = store.arenas.filter { $0.group != nil }.flatMap { arena in
            arena.entries.map { entry in
                CheckpointItem(
                    name: entry.name, kind: CheckpointItem.weight, tensor: arena.weights.part(entry),
                    group: "weights-" + arena.block)
            }
        }
        let states = update.states.flatMap { states in
            zip(states.names, states.arrays).flatMap { name, array in
                states.arena.entries.map { entry in
                    CheckpointItem(
                        name: entry.name, kind: name, shape: entry.shape, dtype: array.dtype,
                        group: "states-" + states.arena.block
                    ) { range in
                        let first = entry.range.lowerBound
                        return array.values(first + range.lowerBound..<first + range.upperBound)
                    }
                }
            }
        }
        return weights + states
    }

    /// Fills weights and optimizer states from a checkpoint, whatever states were kept in when it was written.
    static func restore(_ checkpoint: Checkpoint, into store: ParameterStore, _ update: WeightUpdate) throws {
        for arena in store.arenas where arena.group != nil {
            for entry in arena.entries { try checkpoint.restore(entry.name, into: arena.weights.part(entry)) }
        }
        for states in update.states {
            for (name, array) in zip(states.names, states.arrays) {
                for entry in states.arena.entries {
                    let values = array.values(entry.range)
                    try checkpoint.restore(entry.name, kind: name, into: values.reshaped(to: entry.shape))
                    if case .blocks = array.kept { array.set(values, in: entry.range) }
                }
            }
        }
        store.refreshCompute()
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ name: String, of checkpoint: Checkpoint) throws -> Value {
        try JSONDecoder().decode(type, from: section(name, of: checkpoint))
    }

    static func value(_ name: String, of checkpoint: Checkpoint) throws -> JSONValue {
        try section(name, of: checkpoint).withUnsafeBytes { try JSONValue(parsing: $0) }
    }

    private static func section(_ name: String, of checkpoint: Checkpoint) throws -> Data {
        guard let data = try checkpoint.section(name) else {
            throw InputError(checkpoint.path, "the checkpoint has no section '\(name)'", fix: "--resume another checkpoint")
        }
        return data
    }
}

extension Tensor {
    /// An arena entry's elements in its own shape.
    fileprivate func part(_ entry: Arena.Entry) -> Tensor {
        Tensor(view.sliced(dim: 0, entry.range).reshaped(to: entry.shape), runtime)
    }
}
