internal import Foundation

/// Puts a planned checkpoint on disk, on whichever thread owns it.
final class CheckpointSink {
    private let plan: CheckpointPlan
    private let directory: AtomicDirectory
    private var outputs: [Int: SafeTensorsOutput] = [:]
    private var written: [CheckpointManifest.File] = []

    /// - Parameter isJoining: whether another rank has made the directory, and will commit it.
    init(_ plan: CheckpointPlan, isJoining: Bool = false) throws {
        self.plan = plan
        directory = isJoining
            ? AtomicDirectory(joining: plan.path) : try AtomicDirectory(plan.path, replacing: true)
    }

    /// What a rank has written of a checkpoint.
    struct Share: Codable {
        let tensors: [CheckpointManifest.Entry]
        let files: [CheckpointManifest.File]
    }

    /// Writes a part of an item; `offset` counts bytes from the item's start.
    func write(_ item: Int, _ bytes: [UInt8], at offset: Int) throws {
        let place = plan.places[item]
        let output = try outputs[place.file] ?? open(place.file)
        try output.write(place.key, bytes, at: offset)
        if output.isComplete { try close(place.file, output) }
    }

    /// Makes this rank's files durable.
    func finishFiles() throws -> Share {
        // What is still unopened holds empty tensors only.
        for file in plan.files.indices where !written.contains(where: { $0.name == plan.files[file].name }) {
            try close(file, try outputs[file] ?? open(file))
        }
        return Share(tensors: plan.tensors, files: written)
    }

    /// Writes sections and manifest, and gives the checkpoint its name.
    /// - Parameter others: what other ranks have written.
    func commit(with others: [Share] = []) throws {
        let shares = [try finishFiles()] + others
        for (name, data) in plan.sections {
            try AtomicFile.write(data, to: partial(name + ".json"))
            try record(name + ".json")
        }
        let files = written + others.flatMap(\.files)
        let manifest = CheckpointManifest(
            step: plan.step, tensors: CheckpointManifest.Entry.merged(shares.flatMap(\.tensors)),
            files: files.sorted { $0.name < $1.name },
            sections: plan.sections.reduce(into: [:]) { $0[$1.key] = $1.key + ".json" })
        try AtomicFile.write(try manifest.encoded(), to: partial(CheckpointManifest.fileName))
        try directory.commit()
    }

    private func open(_ file: Int) throws -> SafeTensorsOutput {
        let (name, layout) = plan.files[file]
        let output = try SafeTensorsOutput(partial(name), layout)
        outputs[file] = output
        return output
    }

    private func close(_ file: Int, _ output: SafeTensorsOutput) throws {
        try output.commit()
        outputs[file] = nil
        try record(plan.files[file].name)
    }

    private func record(_ name: String) throws {
        let (hex, byteCount) = try FileHash.file(partial(name))
        written.append(CheckpointManifest.File(name: name, bytes: byteCount, xxh64: hex))
    }

    private func partial(_ name: String) -> String { directory.partialPath + "/" + name }
}
