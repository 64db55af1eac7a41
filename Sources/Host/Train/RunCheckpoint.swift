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
        let items = RunCheckpoint.items(run.policy.store, run.update)
        let ranks = run.policy.plan.mesh.world
        if ranks.rankCount == 1 {
            try writer.write(step: run.progress.step, items: items, sections: sections)
        } else {
            try writer.write(step: run.progress.step, items: items, sections: sections, with: ranks)
        }
    }

    /// Host copies that may be on their way to the file at once, bytes.
    static let snapshotByteLimit = 256 << 20

    /// Bytes of every tensor of a run.
    static func byteCount(_ store: ParameterStore, _ update: WeightUpdate) -> Int {
        items(store, update).reduce(0) { $0 + $1.shape.reduce($1.dtype.byteCount, *) }
    }

    /// What this rank speaks for of every tensor of a run, under its parameter's name.
    static func items(_ store: ParameterStore, _ update: WeightUpdate) -> [CheckpointItem] {
        let weights = store.arenas.filter { $0.group != nil && $0.sharding.speaks }.flatMap { arena in
            arena.entries.filter(\.isCounted).flatMap { entry in
                arena.ownedBoxes(of: entry).map { box in
                    CheckpointItem(
                        name: entry.name, kind: CheckpointItem.weight, tensor: box.view(of: arena.weights),
                        globalShape: entry.wholeShape, offset: box.offset, group: "weights-" + arena.block)
                }
            }
        }
        let states = update.states.filter(\.arena.sharding.speaks).flatMap { states in
            zip(states.names, states.arrays).flatMap { name, array in
                states.arena.entries.filter(\.isCounted).flatMap { items(of: $0, states.arena, name, array) }
            }
        }
        return weights + states
    }

    private static func items(
        of entry: Arena.Entry, _ arena: Arena, _ name: String, _ array: StateArray
    ) -> [CheckpointItem] {
        let group = "states-" + arena.block
        let range = arena.ownedRange(of: entry)
        guard range.count == entry.range.count, entry.shape == entry.wholeShape else {
            return arena.ownedBoxes(of: entry).map { box in
                // Where values are decoded, those of the entry are while its boxes are written.
                CheckpointItem(
                    name: entry.name, kind: name, tensor: box.view(of: array.values(range), from: range.lowerBound),
                    globalShape: entry.wholeShape, offset: box.offset, group: group)
            }
        }
        return [
            CheckpointItem(name: entry.name, kind: name, shape: entry.shape, dtype: array.dtype, group: group) {
                array.values(range.lowerBound + $0.lowerBound..<range.lowerBound + $0.upperBound)
            }
        ]
    }

    /// Fills weights and optimizer states from a checkpoint, whatever layout wrote it, and whatever states were kept in.
    static func restore(_ checkpoint: Checkpoint, into store: ParameterStore, _ update: WeightUpdate) throws {
        for arena in store.arenas where arena.group != nil {
            for entry in arena.entries {
                for box in arena.ownedBoxes(of: entry) {
                    try checkpoint.restore(
                        entry.name, into: box.view(of: arena.weights), offset: box.offset, of: entry.wholeShape)
                }
            }
        }
        for states in update.states {
            for (name, array) in zip(states.names, states.arrays) {
                for entry in states.arena.entries {
                    let range = states.arena.ownedRange(of: entry)
                    let values = array.values(range)
                    for box in states.arena.ownedBoxes(of: entry) {
                        let target = box.view(of: values, from: range.lowerBound)
                        try checkpoint.restore(
                            entry.name, kind: name, into: target, offset: box.offset, of: entry.wholeShape)
                    }
                    if case .blocks = array.kept { array.set(values, in: range) }
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
