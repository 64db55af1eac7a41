public import Foundation

/// Writes checkpoints `step-%08d` into a directory and removes old ones.
///
/// A checkpoint appears when all of it is durable; a failure or a kill at any moment leaves the earlier ones as they
/// were. Used from one thread; one writer per directory.
public final class CheckpointWriter {
    /// When `write` returns.
    public enum Mode: Sendable {
        /// After the checkpoint is durable.
        case synchronous
        /// After the last tensor is copied to host memory; a thread of its own writes. At most `byteLimit` bytes (or
        /// one piece of 16 MiB) are held, so `write` waits for the disk when the checkpoint is larger than that.
        case background(byteLimit: Int)
    }

    /// The directory that holds the checkpoints.
    public let directory: String
    private let keep: Int?
    private let mode: Mode
    private let maximumFileBytes: Int
    private var pending: SnapshotQueue?

    /// - Parameters:
    ///   - directory: created when missing.
    ///   - keep: how many checkpoints stay, at least 1; nil = all.
    ///   - mode: whether `write` waits for the disk.
    ///   - maximumFileBytes: larger groups of items are split over several files.
    public init(
        directory: String, keep: Int? = nil, mode: Mode = .synchronous,
        maximumFileBytes: Int = SafeTensorsWriter.defaultShardBytes
    ) {
        precondition(keep.map { $0 >= 1 } ?? true, "checkpoint: keep is \(keep ?? 0), expected at least 1")
        self.directory = directory
        self.keep = keep
        self.mode = mode
        self.maximumFileBytes = maximumFileBytes
    }

    deinit {
        // Nobody is left to report to; a checkpoint that failed is skipped when resuming.
        do { try finish() } catch {}
    }

    /// Writes a checkpoint; one of the same step is replaced. Waits for the one before.
    ///
    /// The tensors may change as soon as this returns, in either mode.
    /// - Parameters:
    ///   - step: optimizer steps done.
    ///   - items: weights and optimizer states, each (name, kind, box) once.
    ///   - sections: JSON texts of the caller by name (loader, trainer, plugins ...), stored as `<name>.json`.
    /// - Throws: `FileError` of this checkpoint, or of the one before when that was still being written.
    public func write(step: Int, items: [CheckpointItem], sections: [String: Data] = [:]) throws {
        try finish()
        let plan = CheckpointPlan(
            path: directory + "/" + CheckpointStore.name(step), step: step, items: items, sections: sections,
            maximumFileBytes: maximumFileBytes)
        switch mode {
        case .synchronous:
            let sink = try CheckpointSink(plan)
            try Self.fill(sink, items)
            try sink.commit()
            try Self.removeOld(in: directory, newest: step, keep)
        case .background(let byteLimit):
            let (directory, keep) = (directory, keep)
            try copy(items, byteLimit) { queue in
                let sink = try CheckpointSink(plan)
                try Self.drain(queue, sink)
                try sink.commit()
                try Self.removeOld(in: directory, newest: step, keep)
            }
        }
    }

    /// Writes a checkpoint together with all other ranks of a run: each the boxes that it has, into files of its own, and
    /// the first one the sections and the manifest, when all others have left word that theirs are durable.
    ///
    /// In the background, a rank's `finish` waits for its own files, and the first one's for the checkpoint.
    /// - Parameters:
    ///   - items: what this rank has; no two ranks have the same box.
    ///   - sections: of the first rank; what the others pass is ignored.
    ///   - ranks: all ranks of the run; they write to one file system.
    /// - Throws: `FileError`, or what other ranks' failures throw.
    public func write(step: Int, items: [CheckpointItem], sections: [String: Data], with ranks: Communicator) throws {
        try finish()
        let (rank, rankCount) = (ranks.rank, ranks.rankCount)
        let plan = CheckpointPlan(
            path: directory + "/" + CheckpointStore.name(step), step: step, items: items, sections: sections,
            maximumFileBytes: maximumFileBytes, rank: rank)
        if rank == 0 { try AtomicDirectory.start(plan.path) }
        try ranks.barrier()
        switch mode {
        case .synchronous:
            let sink = try CheckpointSink(plan, rank: rank)
            try Self.fill(sink, items)
            try sink.leaveShare(of: rank)
            try ranks.barrier()
            if rank == 0 {
                try sink.commit(try sink.takeShares(ofRanks: rankCount, within: Self.patience))
                try Self.removeOld(in: directory, newest: step, keep)
            }
            try ranks.barrier()
        case .background(let byteLimit):
            let (directory, keep) = (directory, keep)
            try copy(items, byteLimit) { queue in
                let sink = try CheckpointSink(plan, rank: rank)
                do {
                    try Self.drain(queue, sink)
                    try sink.leaveShare(of: rank)
                } catch {
                    // Where not even that can be written, the first rank gives up by itself; this error is what matters.
                    do { try sink.leaveFailure(error, of: rank) } catch {}
                    throw error
                }
                guard rank == 0 else { return }
                try sink.commit(try sink.takeShares(ofRanks: rankCount, within: Self.patience))
                try Self.removeOld(in: directory, newest: step, keep)
            }
        }
    }

    /// Waits until the checkpoint being written is durable.
    /// - Throws: `FileError` of that checkpoint, once.
    public func finish() throws {
        guard let queue = pending else { return }
        pending = nil
        try queue.wait()
    }

    /// How long the slowest rank may write after the first one is done, seconds.
    private static let patience = RankLink.standardTimeout

    private static func fill(_ sink: CheckpointSink, _ items: [CheckpointItem]) throws {
        for (index, item) in items.enumerated() {
            try item.forEachPiece { try sink.write(index, $0, at: $1) }
        }
    }

    /// Copies items to host memory, for a thread of its own that does `write` with them.
    private func copy(
        _ items: [CheckpointItem], _ byteLimit: Int, write: @escaping @Sendable (SnapshotQueue) throws -> Void
    ) throws {
        let queue = SnapshotQueue(byteLimit: byteLimit)
        let thread = Thread { queue.end(Result { try write(queue) }) }
        thread.name = "checkpoint"
        thread.start()
        pending = queue
        for (index, item) in items.enumerated() {
            try item.forEachPiece { bytes, offset in
                if queue.push(.init(item: index, offset: offset, bytes: bytes)) { return }
                try finish()
            }
        }
        queue.close()
    }

    private static func drain(_ queue: SnapshotQueue, _ sink: CheckpointSink) throws {
        var freed = 0
        while let piece = queue.pop(freeing: freed) {
            try sink.write(piece.item, piece.bytes, at: piece.offset)
            freed = piece.bytes.count
        }
    }

    private static func removeOld(in directory: String, newest step: Int, _ keep: Int?) throws {
        if let keep { try CheckpointStore.removeOld(in: directory, newest: step, keep: keep) }
    }
}
