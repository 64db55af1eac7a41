import Crypto
import Forks
import Foundation
import JSON
import PluginAPI

/// Fetches, builds and records the plugins of a workspace: `forktail plugins sync`.
///
/// What is built already from the same sources for the same interface is left alone. The lock is written when everything is
/// built, so that an interrupted sync leaves the last one in force.
struct WorkspaceSync {
    let workspace: PluginWorkspace

    /// What was done with one plugin.
    struct Outcome {
        let plugin: WorkspaceLock.Plugin
        /// nil when it was built before.
        let seconds: Double?
    }

    /// - Throws: `InputError`, `PluginError`, with everything that is wrong with the sources.
    func run() async throws -> [Outcome] {
        let earlier = try FileManager.default.fileExists(atPath: workspace.lockFile.path) ? known() : []
        var outcomes: [Outcome] = []
        var problems = InputProblems()
        for entry in workspace.entries {
            let source = try await source(of: entry, &problems)
            guard let source else { continue }
            let manifest = try PluginBuilder.manifest(of: source.folder)
            if let other = outcomes.first(where: { $0.plugin.id == "\(manifest.id)" }) {
                problems.add(
                    InputProblem(workspace.path, "\(entry.shown) and \(other.plugin.entry.shown) both have the plugin \(manifest.id)"))
                continue
            }
            outcomes.append(try build(entry, source, manifest, earlier))
        }
        try problems.end()
        let lock = WorkspaceLock(interface: PluginFile.hostFingerprint, plugins: outcomes.map(\.plugin))
        try Data(lock.text.utf8).write(to: workspace.lockFile, options: .atomic)
        return outcomes
    }

    /// What the last sync for this interface recorded; a lock that cannot be read is as none.
    private func known() throws -> [WorkspaceLock.Plugin] {
        do {
            let lock = try WorkspaceLock(of: workspace)
            return lock.interface == PluginFile.hostFingerprint ? lock.plugins : []
        } catch let error as PluginError where error.code == .unreadable {
            return []
        }
    }

    // MARK: Sources

    private struct Source {
        let folder: URL
        let commit: String?
    }

    private func source(of entry: PluginWorkspace.Entry, _ problems: inout InputProblems) async throws -> Source? {
        switch entry {
        case .folder(let path):
            let folder = path.hasPrefix("/") ? URL(filePath: path) : workspace.folder.appending(path: path).standardizedFileURL
            guard FileManager.default.fileExists(atPath: folder.appending(path: "plugin.json").path) else {
                problems.add(InputProblem(workspace.path, "\(path) has no plugin.json"))
                return nil
            }
            return Source(folder: folder, commit: try await WorkspaceSync.commit(of: folder))
        case .git(let url, let commit, let path):
            let git = try await repository(url)
            guard try await fetch(commit, url, git) else {
                problems.add(
                    InputProblem(workspace.path, "\(url) has no commit \(commit)", fix: "git ls-remote \(url)"))
                return nil
            }
            let tree = try await git.run(["rev-parse", "--verify", "--quiet", "\(commit):\(path)"])
            let manifest = path.isEmpty ? "plugin.json" : path + "/plugin.json"
            guard tree.status == 0, try await git.run(["cat-file", "-e", "\(commit):\(manifest)"]).status == 0 else {
                problems.add(
                    InputProblem(workspace.path, "commit \(commit) of \(url) has no \(manifest)", fix: "folder: DIR"))
                return nil
            }
            let folder = workspace.cache.appending(path: "sources/\(tree.text)")
            if !FileManager.default.fileExists(atPath: folder.path) { try await extract(tree.text, git, to: folder) }
            return Source(folder: folder, commit: commit)
        }
    }

    /// The commit of a folder's sources, nil when they differ from it or lie in no repository.
    private static func commit(of folder: URL) async throws -> String? {
        guard try await PluginFolder.repository(at: folder.path) != nil else { return nil }
        let git = Git(folder.path)
        let (head, changes) = (
            try await git.run(["rev-parse", "--verify", "--quiet", "HEAD"]), try await git.read(["status", "--porcelain", "-z", "--", "."])
        )
        return head.status == 0 && changes.bytes.isEmpty ? head.text : nil
    }

    /// A bare repository in the workspace's cache, one for each address.
    private func repository(_ url: String) async throws -> Git {
        let name = SHA256.hash(data: Data(url.utf8)).prefix(8).map { String(format: "%02x", $0) }.joined()
        let folder = workspace.cache.appending(path: "git/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let git = Git(folder.path)
        try await git.change(["init", "--quiet", "--bare", "--template="])
        return git
    }

    /// Whether the repository has the commit, after a look at its origin when it has not.
    private func fetch(_ commit: String, _ url: String, _ git: Git) async throws -> Bool {
        func isThere() async throws -> Bool { try await git.run(["cat-file", "-e", "\(commit)^{commit}"]).status == 0 }
        if try await isThere() { return true }
        // A path is relative to the workspace, as every path in it.
        let isPath = !url.contains("://") && !url.contains(":") && !url.hasPrefix("/")
        let origin = isPath ? workspace.folder.appending(path: url).standardizedFileURL.path : url
        try await git.change(["fetch", "--quiet", "--no-write-fetch-head", "--", origin, "+refs/*:refs/*"])
        if try await isThere() { return true }
        // A commit that no branch holds any more; not every server gives it.
        _ = try await git.run(["fetch", "--quiet", "--no-write-fetch-head", "--", origin, commit], changes: true)
        return try await isThere()
    }

    /// Writes the files of a tree; the folder appears whole or not at all.
    private func extract(_ tree: String, _ git: Git, to folder: URL) async throws {
        let staged = folder.deletingLastPathComponent().appending(path: ".\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: staged, withIntermediateDirectories: true)
        for file in try await TreeFile.list(of: tree, in: git) { try file.write(below: staged) }
        try FileManager.default.moveItem(at: staged, to: folder)
    }

    // MARK: Building

    private func build(
        _ entry: PluginWorkspace.Entry, _ source: Source, _ manifest: PluginManifest, _ earlier: [WorkspaceLock.Plugin]
    ) throws -> Outcome {
        let sources = try WorkspaceSync.digest(of: source.folder)
        let library = workspace.cache.appending(path: "plugins/\(manifest.id).so")
        let name = String(library.path.dropFirst(workspace.folder.path.count)).drop { $0 == "/" }
        func plugin(_ digest: String) -> WorkspaceLock.Plugin {
            WorkspaceLock.Plugin(
                entry: entry, id: "\(manifest.id)", version: "\(manifest.version)", commit: source.commit, sources: sources,
                file: String(name), digest: digest)
        }
        if let known = earlier.first(where: { $0.id == "\(manifest.id)" && $0.sources == sources }),
            FileManager.default.fileExists(atPath: library.path),
            try PluginFile.digest(of: library, shown: String(name)) == known.digest
        {
            return Outcome(plugin: plugin(known.digest), seconds: nil)
        }
        let built = try PluginBuilder().build(source.folder, output: library)
        return Outcome(plugin: plugin(try PluginFile.digest(of: library, shown: String(name))), seconds: built.seconds)
    }

    /// SHA-256 over plugin.json and the sources, with their names.
    private static func digest(of folder: URL) throws -> String {
        var hash = SHA256()
        for file in try [folder.appending(path: "plugin.json")] + PluginBuilder.sources(of: folder) {
            let contents = try Data(contentsOf: file)
            hash.update(data: Data("\(file.path.dropFirst(folder.path.count))\0\(contents.count)\0".utf8))
            hash.update(data: contents)
        }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
}
