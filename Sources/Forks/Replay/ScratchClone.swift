internal import Foundation

/// A temporary clone that shares the repository's objects: whatever happens in it, the repository stays as it is.
enum ScratchClone {
    /// Runs `body` in a clone whose work tree is that of `commit`; the clone goes when it ends.
    static func with<Result>(
        _ git: Git, at commit: String, _ body: (_ scratch: Git) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forktail-\(UUID().uuidString)")
        do {
            let scratch = try await make(git, folder.path)
            try await scratch.change(["checkout", "-q", "--detach", commit])
            let result = try await body(scratch)
            try FileManager.default.removeItem(at: folder)
            return result
        } catch {
            // The error that matters is the first one.
            if FileManager.default.fileExists(atPath: folder.path) { try FileManager.default.removeItem(at: folder) }
            throw error
        }
    }

    private static func make(_ git: Git, _ path: String) async throws -> Git {
        _ = try await git.read(["clone", "-q", "--shared", "--no-checkout", "--no-tags", git.directory, path])
        let scratch = git.at(path, isScratch: true)
        // The user's name, line ends and merge drivers hold here too; only then does a forecast say what a sync does.
        let common = try await git.read(["rev-parse", "--path-format=absolute", "--git-common-dir"]).text
        try await scratch.change(["config", "include.path", "\(common)/config"])
        return scratch
    }
}
