internal import Foundation

/// Puts a planned checkpoint on disk, on whichever thread owns it.
final class CheckpointSink {
    private let plan: CheckpointPlan
    private let directory: AtomicDirectory
    private var outputs: [Int: SafeTensorsOutput] = [:]
    private var written: [CheckpointManifest.File] = []

    /// - Parameter rank: the number of the rank that writes, where several write one checkpoint into a directory that has been
    ///   started, and the first commits it; nil = there is one.
    init(_ plan: CheckpointPlan, rank: Int? = nil) throws {
        self.plan = plan
        directory = try rank.map { AtomicDirectory(joining: plan.path, isOwner: $0 == 0) }
            ?? AtomicDirectory(plan.path, replacing: true)
    }

    /// What a rank has written of a checkpoint.
    struct Share: Codable {
        let tensors: [CheckpointManifest.Entry]
        let files: [CheckpointManifest.File]
        /// Why there is nothing.
        var failure: String?
    }

    /// Writes a part of an item; `offset` counts bytes from the item's start.
    func write(_ item: Int, _ bytes: [UInt8], at offset: Int) throws {
        let place = plan.places[item]
        let output = try outputs[place.file] ?? open(place.file)
        try output.write(place.key, bytes, at: offset)
        if output.isComplete { try close(place.file, output) }
    }

    /// Makes this rank's files durable.
    private func finishFiles() throws -> Share {
        // What is still unopened holds empty tensors only.
        for file in plan.files.indices where !written.contains(where: { $0.name == plan.files[file].name }) {
            try close(file, try outputs[file] ?? open(file))
        }
        return Share(tensors: plan.tensors, files: written)
    }

    /// Makes this rank's files durable and leaves word of them for the first rank, in the checkpoint's directory: ranks need
    /// not meet for it.
    func leaveShare(of rank: Int) throws {
        try AtomicFile.write(try JSONEncoder().encode(try finishFiles()), to: sharePath(rank))
    }

    /// Leaves word that this rank has written nothing, so that the first one does not wait for it.
    func leaveFailure(_ error: any Error, of rank: Int) throws {
        // Gives back what a full disk needs for the word itself.
        outputs = [:]
        let share = Share(tensors: [], files: [], failure: "\(error)")
        try AtomicFile.write(try JSONEncoder().encode(share), to: sharePath(rank))
    }

    /// Takes what the ranks have left.
    /// - Parameter seconds: how long the last of them may take.
    /// - Throws: `FileError`.
    func takeShares(ofRanks count: Int, within seconds: Double) throws -> [Share] {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return try (0..<count).map { rank in
            let path = sharePath(rank)
            while access(path, F_OK) != 0 {
                if Date() > deadline {
                    throw FileError(
                        "complete the checkpoint", plan.path, code: ETIMEDOUT,
                        detail: "rank \(rank) has not written its part; all ranks must see the same file system")
                }
                usleep(20_000)
            }
            let share = try JSONDecoder().decode(Share.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
            if let failure = share.failure {
                throw FileError("complete the checkpoint", plan.path, code: EIO, detail: "rank \(rank) \(failure)")
            }
            try AtomicDirectory.remove(path)
            return share
        }
    }

    /// Writes sections and manifest, and gives the checkpoint its name.
    /// - Parameter shares: what ranks have written; nil = there is one.
    func commit(_ shares: [Share]? = nil) throws {
        let shares = try shares ?? [finishFiles()]
        var files = shares.flatMap(\.files)
        for (name, data) in plan.sections {
            try AtomicFile.write(data, to: partial(name + ".json"))
            files.append(try file(name + ".json"))
        }
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
        written.append(try self.file(plan.files[file].name))
    }

    private func file(_ name: String) throws -> CheckpointManifest.File {
        let (hex, byteCount) = try FileHash.file(partial(name))
        return CheckpointManifest.File(name: name, bytes: byteCount, xxh64: hex)
    }

    private func sharePath(_ rank: Int) -> String { partial("share-\(rank)") }

    private func partial(_ name: String) -> String { directory.partialPath + "/" + name }
}
