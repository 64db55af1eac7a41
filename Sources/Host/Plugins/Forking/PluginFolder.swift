import Forks
import Foundation
import JSON
import PluginAPI

/// The sources of a plugin in a git repository.
package struct PluginFolder: Sendable {
    /// Git at the root of the repository.
    let git: Git
    /// The folder below the root; empty when the repository is the plugin.
    let path: String
    /// As it lies in the work tree.
    let manifest: PluginManifest

    var url: URL { path.isEmpty ? URL(filePath: git.directory) : URL(filePath: git.directory).appending(path: path) }

    /// How messages call it.
    var shown: String { path.isEmpty ? git.directory : path }

    /// What git calls the folder in a commit.
    private func tree(in commit: String) -> String { path.isEmpty ? "\(commit)^{tree}" : "\(commit):\(path)" }

    /// The folder as it is committed, and the commit that made it so: one that stays where it is when later ones are rewritten.
    /// - Throws: `InputError` when it is not committed.
    func committed() async throws -> (commit: String, tree: String) {
        let commit = try await git.run(["log", "-1", "--format=%H", "HEAD", "--", pathspec])
        let tree = try await git.run(["rev-parse", "--verify", "--quiet", tree(in: "HEAD")])
        guard commit.status == 0, !commit.text.isEmpty, tree.status == 0 else {
            throw InputError(
                shown, "is not committed yet",
                fix: "git -C \(ShellWord.quoted(git.directory)) add \(pathspec) && git -C \(ShellWord.quoted(git.directory)) commit")
        }
        return (commit.text, tree.text)
    }

    /// The plugin as it is committed: the manifest may lie in the work tree in another state.
    func committedManifest() async throws -> PluginManifest {
        let name = path.isEmpty ? "plugin.json" : path + "/plugin.json"
        return try PluginManifest(await git.read(["show", "HEAD:\(name)"]).text, file: name)
    }

    /// - Throws: `InputError` when a file of the folder differs from its commit, or git does not know it.
    func checkClean(_ reason: String) async throws {
        let changes = try await git.read(["status", "--porcelain", "-z", "--", pathspec]).fields
        guard let first = changes.first else { return }
        let more = changes.count == 1 ? "" : " and \(changes.count - 1) more"
        throw InputError(
            shown, "has changes that are not committed (\(first.dropFirst(3))\(more)); \(reason)",
            fix: "git add \(ShellWord.quoted(shown)) && git commit, or git stash")
    }

    /// The files that belong to the plugin: those git knows or would add, as they lie there.
    func files() async throws -> [String] {
        let listed = try await git.at(url.path).read(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        return Set(listed.fields).filter { FileManager.default.fileExists(atPath: url.appending(path: $0).path) }.sorted()
    }

    private var pathspec: String { path.isEmpty ? "." : path }
}
