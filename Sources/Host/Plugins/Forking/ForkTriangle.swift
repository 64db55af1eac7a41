import Forks
import Foundation
import JSON
import PluginAPI

/// A fork, what it was made from, and its parent as it is now: three commits in a scratch repository.
///
/// The repositories that they come from are only read: the scratch one sees their objects. plugin.json stands in all three as
/// the fork's (id, version, lineage), so that differences are those that somebody made.
struct ForkTriangle {
    let fork: PluginFolder
    let parent: PluginFolder
    /// What the fork was made from.
    let ancestor: PluginManifest.Ancestor
    /// The parent as it is committed now.
    let current: PluginManifest.Ancestor
    /// The lineage of the fork once it has what its parent is now.
    let lineage: [PluginManifest.Ancestor]
    let git: Git
    /// Commits of the scratch repository.
    let base: String
    let mine: String
    let theirs: String

    /// - Parameters:
    ///   - directories: where the parent is looked for; the fork's own repository comes first.
    ///   - scratch: an empty folder.
    /// - Throws: `InputError` for a plugin without lineage, or a base that no repository has.
    init(_ fork: PluginFolder, parentIn directories: [String], scratch: URL) async throws {
        guard let ancestor = fork.manifest.lineage.first else {
            throw InputError(
                "\(fork.manifest.id)", "was not made from another plugin: the lineage in its plugin.json is empty",
                fix: "forktail plugins fork PARENT --as ID records it")
        }
        let parent = try await PluginFolder.find(
            ancestor.id, in: directories, fix: "say where the parent's repository is: --parent DIR")
        let (commit, tree) = try await parent.committed()
        let manifest = try await parent.committedManifest()
        current = PluginManifest.Ancestor(id: manifest.id, version: manifest.version, commit: commit, tree: tree)
        lineage = [current] + manifest.lineage
        git = try await ForkTriangle.repository(at: scratch, seeing: [fork.git, parent.git])
        guard try await git.run(["cat-file", "-e", "\(ancestor.tree)^{tree}"]).status == 0 else {
            throw InputError(
                "\(fork.manifest.id)",
                "was made from commit \(ancestor.commit) of \(ancestor.id), whose files (tree \(ancestor.tree)) are neither in "
                    + "\(fork.git.directory) nor in \(parent.git.directory)",
                fix: "say where a clone of the parent's repository with that commit is: --parent DIR")
        }
        (self.fork, self.parent, self.ancestor) = (fork, parent, ancestor)
        base = try await Self.commit(ForkTriangle.tree(ancestor.tree, as: fork.manifest, git), [], git)
        theirs = try await Self.commit(ForkTriangle.tree(tree, as: fork.manifest, git), [base], git)
        mine = try await Self.commit(ForkTriangle.tree(of: fork, git), [base], git)
    }

    /// Whether the parent has what the fork was made from.
    var hasParentMoved: Bool { current.tree != ancestor.tree }

    /// The files that differ between two commits.
    func files(from: String, to: String) async throws -> [String] {
        try await git.read(["diff", "--name-only", "--no-renames", "-z", from, to]).fields
    }

    /// Merges the parent's change into the fork's; the result lies in the scratch repository's work tree.
    func merge() async throws -> [MergeConflict] {
        try await git.change(["checkout", "--quiet", "--force", "--detach", mine])
        let merged = try await git.run(Self.identity + ["merge", "--quiet", "--no-ff", "--no-commit", theirs], changes: true)
        let conflicts = MergeConflict.list(try await git.read(["ls-files", "--unmerged", "-z"]).fields)
        if merged.status != 0, conflicts.isEmpty {
            throw InputError(
                "\(fork.manifest.id)", "cannot be merged with its parent: '\(merged.command)' says: \(merged.errors)")
        }
        return conflicts
    }

    // MARK: The scratch repository

    private static let identity = [
        "-c", "user.name=forktail", "-c", "user.email=forktail@localhost", "-c", "core.hooksPath=/dev/null",
        "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null", "-c", "commit.gpgSign=false",
    ]

    private static func repository(at folder: URL, seeing others: [Git]) async throws -> Git {
        let git = Git(folder.path)
        try await git.change(["init", "--quiet", "--template="])
        var paths: [String] = []
        for other in others {
            paths.append(try await other.read(["rev-parse", "--path-format=absolute", "--git-path", "objects"]).text)
        }
        let info = folder.appending(path: ".git/objects/info")
        try FileManager.default.createDirectory(at: info, withIntermediateDirectories: true)
        try Set(paths).sorted().map { $0 + "\n" }.joined()
            .write(to: info.appending(path: "alternates"), atomically: true, encoding: .utf8)
        return git
    }

    private static func commit(_ tree: String, _ parents: [String], _ git: Git) async throws -> String {
        try await git.change(identity + ["commit-tree", tree, "-m", "."] + parents.flatMap { ["-p", $0] }).text
    }

    /// The parent's files at `tree`, with the manifest of its fork.
    private static func tree(_ tree: String, as fork: PluginManifest, _ git: Git) async throws -> String {
        let text = try await git.read(["show", "\(tree):plugin.json"]).text
        let manifest = try PluginManifest(text, file: "plugin.json of tree \(tree)")
        let json = manifest.forked(as: fork.id, version: "\(fork.version)", lineage: fork.lineage)
        let blob = try await blob(ManifestText.text(json), git)
        try await git.change(["read-tree", tree])
        try await git.change(["update-index", "--add", "--cacheinfo", "100644,\(blob),plugin.json"])
        return try await git.change(["write-tree"]).text
    }

    /// The fork's files as they lie in its folder.
    private static func tree(of fork: PluginFolder, _ git: Git) async throws -> String {
        var entries: [UInt8] = []
        for name in try await fork.files() {
            let file = fork.url.appending(path: name)
            let mode: String
            let hash: String
            if name == "plugin.json" {
                (mode, hash) = ("100644", try await blob(ManifestText.text(fork.manifest.json), git))
            } else if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: file.path) {
                (mode, hash) = ("120000", try await blob(target, git))
            } else {
                mode = FileManager.default.isExecutableFile(atPath: file.path) ? "100755" : "100644"
                hash = try await git.change(["hash-object", "-w", "--no-filters", "--", file.path]).text
            }
            entries += Array("\(mode) \(hash)\t\(name)\0".utf8)
        }
        try await git.change(["read-tree", "--empty"])
        try await git.change(["update-index", "-z", "--index-info"], input: entries)
        return try await git.change(["write-tree"]).text
    }

    private static func blob(_ text: String, _ git: Git) async throws -> String {
        try await git.change(["hash-object", "-w", "--stdin"], input: Array(text.utf8)).text
    }
}
