import Forks
import Foundation
import Testing

/// A fork with its upstream in a temporary folder: the branch `fork/main` is checked out, upstream's work is in
/// `upstream/main`, and the base has the tag v1.0.0.
final class TestFork {
    let root: String
    let git: Git
    /// The changes that the fork has, with what UPSTREAM.md says of them.
    private(set) var notes: UpstreamFile

    static let day = "2026-11-20"

    /// - Parameter files: what the base has.
    init(_ files: [String: String]) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forks-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Where a temporary folder is a link, git says where it leads.
        root = folder.resolvingSymlinksInPath().path
        git = Git(root)
        notes = UpstreamFile(header: nil)
        try await git.change(["init", "-q", "-b", "main"])
        for (key, value) in [
            ("user.name", "Ann Example"), ("user.email", "ann@example.org"), ("commit.gpgSign", "false"), ("gc.auto", "0"),
        ] {
            try await git.change(["config", key, value])
        }
        try await git.change(["remote", "add", "upstream", "https://example.org/upstream.git"])
        try write([".gitattributes": "UPSTREAM.md merge=union\n", "UPSTREAM.md": "# Upstream\nUpstream: none\n"])
        try write(files)
        try await commit("base")
        let base = try await head()
        try await git.change(["tag", "v1.0.0"])
        try await git.change(["update-ref", "refs/remotes/upstream/main", base])
        try await git.change(["checkout", "-q", "-b", "fork/main"])
        notes.header = UpstreamHeader(
            upstream: "https://example.org/upstream.git", tracking: "main", baseTag: "v1.0.0", base: base,
            lastSync: TestFork.day)
        try await note("NOTES: init")
    }

    /// A copy of a fork, as it is on disk.
    init(copying other: TestFork) throws {
        let folder = URL(filePath: other.root).deletingLastPathComponent().appending(path: "forks-test-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: URL(filePath: other.root), to: folder)
        root = folder.path
        git = Git(root)
        notes = other.notes
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: root) } catch { Issue.record(error) }
    }

    var rewrite: Rewrite { get async throws { Rewrite(try await repository) } }

    var repository: ForkRepository { get async throws { try await ForkRepository(root) } }

    // MARK: Making history

    /// Writes files; nil removes one.
    func write(_ files: [String: String?]) throws {
        for (path, text) in files {
            let url = URL(filePath: root).appending(path: path)
            if let text {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            } else {
                try FileManager.default.removeItem(at: url)
            }
        }
    }

    func text(_ path: String) throws -> String {
        try String(contentsOf: URL(filePath: root).appending(path: path), encoding: .utf8)
    }

    /// Commits everything.
    func commit(_ message: String) async throws {
        try await git.change(["add", "-A"])
        try await git.change(["commit", "-q", "--allow-empty", "-m", message])
    }

    func head(_ name: String = "HEAD") async throws -> String { try await git.read(["rev-parse", name]).text }

    /// A commit of the fork.
    func change(_ slug: String, _ subject: String, _ files: [String: String?] = [:], body: String = "") async throws {
        try write(files)
        let text = body.isEmpty ? "" : "\n\n\(body)"
        try await commit(
            "FORK: \(subject)\(text)\n\nUpstream-Status: Pending [tests]\nFork-Change: \(slug)")
    }

    /// Writes UPSTREAM.md with these entries added, and commits it alone.
    func note(_ message: String, _ entries: [UpstreamEntry] = []) async throws {
        for entry in entries { notes[entry.slug] = entry }
        try write(["UPSTREAM.md": notes.text])
        try await commit(message)
    }

    /// Writes another header, and commits it.
    func setHeader(_ header: UpstreamHeader) async throws {
        notes.header = header
        try await note("NOTES: header")
    }

    /// An entry, and the commit that writes it.
    func entry(
        _ slug: String, summary: String? = nil, kind: ChangeKind = .corePatch, touches: [String] = ["Sources"],
        verify: String? = "true", numbers: UpstreamEntry.Numbers? = nil
    ) async throws {
        try await note(
            "NOTES: \(slug)",
            [
                UpstreamEntry(
                    slug: slug, summary: summary ?? "what \(slug) does", kind: kind, touches: touches,
                    whyNotPlugin: "no hook", status: UpstreamStatus(.pending, "tests"), verify: verify, numbers: numbers,
                    lastUpdate: TestFork.day)
            ])
    }

    /// Works on upstream's branch, then comes back to the fork's.
    /// - Parameter tag: what upstream's new tip is called.
    func upstream(tag: String? = nil, _ body: () async throws -> Void) async throws {
        try await git.change(["checkout", "-q", "main"])
        try await body()
        try await git.change(["update-ref", "refs/remotes/upstream/main", "HEAD"])
        if let tag { try await git.change(["tag", tag]) }
        try await git.change(["checkout", "-q", "fork/main"])
    }

    // MARK: Looking

    /// Everything that a user could miss: refs, the branch, what git says of the work tree, every file.
    func snapshot() async throws -> [String] {
        let refs = try await git.read(["for-each-ref", "--format=%(refname) %(objectname)"]).lines
        let branch = try await git.run(["symbolic-ref", "-q", "HEAD"]).text
        let status = try await git.read(["status", "--porcelain=v1", "-z", "--untracked-files=all"]).fields
        let left = ["CHERRY_PICK_HEAD", "MERGE_HEAD", "MERGE_MSG", "forktail-rewrite.json", "sequencer", "index.lock"].filter {
            FileManager.default.fileExists(atPath: "\(root)/.git/\($0)")
        }
        return refs + [branch] + status + left + (try files())
    }

    /// Every file of the work tree with its content.
    private func files() throws -> [String] {
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        return try names.filter { !$0.hasPrefix(".git/") }.sorted().compactMap { name in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder), !isFolder.boolValue
            else { return nil }
            return "\(name): \(try Data(contentsOf: URL(filePath: "\(root)/\(name)")).base64EncodedString())"
        }
    }

    /// The files of the git folder with their sizes and times; git gives an object a new time where a clone that shares it
    /// would have written the same one.
    func gitFiles() throws -> [String] {
        let names = FileManager.default.enumerator(atPath: root + "/.git")?.compactMap { $0 as? String } ?? []
        return try names.sorted().map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/.git/\(name)")
            let time = name.hasPrefix("objects/") ? "" : "\(attributes[.modificationDate] ?? 0)"
            return "\(name) \(attributes[.size] ?? 0) \(time)"
        }
    }
}
