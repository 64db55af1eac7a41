internal import Foundation

/// The checkpoints of a run: which there are, which is the newest good one, which are old.
public enum CheckpointStore {
    /// A checkpoint that could not be used, and why.
    public struct Skipped: Sendable {
        public let path: String
        public let reason: String
    }

    /// The directory name of a step's checkpoint.
    public static func name(_ step: Int) -> String { String(format: "step-%08d", step) }

    /// The newest checkpoint whose manifest is valid and whose files match their hashes.
    /// - Parameter directory: a run's `checkpoints` directory.
    /// - Returns: the checkpoint, nil when there is no good one (or no directory), and the newer ones that are torn.
    /// - Throws: `FileError` when the directory cannot be listed.
    public static func latest(in directory: String) throws -> (checkpoint: Checkpoint?, skipped: [Skipped]) {
        var skipped: [Skipped] = []
        for candidate in try candidates(in: directory) {
            do {
                return (try Checkpoint(candidate.path), skipped)
            } catch {
                skipped.append(Skipped(path: candidate.path, reason: "\(error)"))
            }
        }
        return (nil, skipped)
    }

    /// Paths of the checkpoints in `directory`, newest first, whether they are whole or not; empty without directory.
    /// - Throws: `FileError` when the directory cannot be listed.
    public static func list(in directory: String) throws -> [(step: Int, path: String)] {
        try candidates(in: directory).filter { !$0.isHidden }.map { ($0.step, $0.path) }
    }

    /// Removes checkpoints older than `newest`, which must be durable, so that `keep` good ones are left with it.
    /// Later steps stay, whoever wrote them.
    static func removeOld(in directory: String, newest: Int, keep: Int) throws {
        var left = keep - 1
        for candidate in try candidates(in: directory) {
            if candidate.isHidden {
                try AtomicDirectory.remove(candidate.path)
                continue
            }
            guard candidate.step < newest else { continue }
            if left > 0, isWhole(candidate.path) {
                left -= 1
                continue
            }
            // Without its manifest a directory is torn at once, however far the removal gets.
            try AtomicDirectory.remove(candidate.path + "/" + CheckpointManifest.fileName)
            try AtomicDirectory.remove(candidate.path)
        }
    }

    private static func isWhole(_ path: String) -> Bool {
        do {
            _ = try Checkpoint(path, verifying: .sizes)
            return true
        } catch { return false }
    }

    /// Newest first. Hidden ones are what a kill left of writing or replacing a checkpoint; they may be whole.
    private static func candidates(in directory: String) throws -> [(step: Int, path: String, isHidden: Bool)] {
        guard AtomicDirectory.exists(directory) else { return [] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch { throw FileError("list the directory", directory, code: EIO, detail: "\(error)") }
        return names.compactMap { name in
            guard let match = name.wholeMatch(of: /(\.?)step-([0-9]{8,})(\.partial|\.replaced)?/),
                match.output.1.isEmpty == (match.output.3 == nil), let step = Int(match.output.2)
            else { return nil }
            return (step, directory + "/" + name, !match.output.1.isEmpty)
        }.sorted { ($0.step, $0.isHidden ? 0 : 1) > ($1.step, $1.isHidden ? 0 : 1) }
    }
}
