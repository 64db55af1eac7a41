import Forks
import Foundation

/// An upstream and a fork of it in a temporary folder, made for one test.
final class ForkWorkspace: Sendable {
    let root: String
    let upstream: Git
    let fork: Git
    static let today = Day("2026-11-20")!

    /// An upstream with one commit, tagged v0.1.0, and a clone of it on the branch fork/main.
    /// - Parameter initialized: whether `fork init` has run in the clone.
    init(initialized: Bool = true) async throws {
        root = FileManager.default.temporaryDirectory.appending(path: "forks-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        upstream = Git(root + "/upstream")
        fork = Git(root + "/fork")
        try await Git(root).change(["init", "--quiet", "--initial-branch=main", "upstream"])
        try await identify(upstream)
        try await commit(
            upstream, "core: begin",
            [
                "UPSTREAM.md": "# Upstream\nUpstream: none\n\nThis is upstream.\n", "README.md": "read me\n",
                "Sources/Core/Thing.swift": (1...20).map { "let line\($0) = \($0)\n" }.joined(),
                "Plugins/Trainers/DPO/plugin.json": ForkWorkspace.manifest("core.trainer.dpo"),
                "Plugins/Trainers/DPO/DPO.swift": "let beta = 0.1\n",
            ])
        try await upstream.change(["tag", "v0.1.0"])
        try await Git(root).change(["clone", "--quiet", "--no-tags", "upstream", "fork"])
        try await identify(fork)
        try await fork.change(["switch", "--quiet", "--create", "fork/main"])
        if initialized { _ = try await initialize() }
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// The fork; the folder lives as long as what is returned does.
    func repository() async throws -> ForkRepository {
        try await ForkRepository(fork.directory) { [self] _ in withExtendedLifetime(self) {} }
    }

    func initialize(_ url: String? = nil, tracking: String? = nil, base: String? = nil) async throws -> [String] {
        try await ForkInit(
            repository(), url: url ?? upstream.directory, tracking: tracking, base: base, today: ForkWorkspace.today
        ).run()
    }

    /// What the check says, each finding as it is printed, without the folder and hashes.
    func check() async throws -> [String] {
        try await ForkCheck.run(repository(), today: ForkWorkspace.today).map { plain($0.description) }
    }

    /// A text without what differs between two runs of a test.
    func plain(_ text: String) -> String {
        text.replacing(root, with: "ROOT").replacing(/\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8}(?:[0-9a-f]{32})?\b/, with: "HASH")
            .replacing(/\b[0-9]{8}\b/, with: "HASH")
    }

    /// Writes files (nil removes one) and commits them.
    @discardableResult
    func commit(_ git: Git, _ message: String, _ files: [String: String?]) async throws -> String {
        for (path, text) in files {
            let url = URL(filePath: git.directory + "/" + path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            if let text { try Data(text.utf8).write(to: url) } else { try FileManager.default.removeItem(at: url) }
        }
        try await git.change(["add", "--all"])
        try await git.change(["commit", "--quiet", "--allow-empty", "--message", message])
        return try await git.read(["rev-parse", "HEAD"]).text
    }

    /// A commit of a change, with its tag and trailers.
    @discardableResult
    func change(
        _ slug: String, _ subject: String, _ files: [String: String?], body: String = "",
        status: String = "Pending [a second look]"
    ) async throws -> String {
        let trailers = "Upstream-Status: \(status)\nFork-Change: \(slug)"
        return try await commit(fork, [subject, body, trailers].filter { !$0.isEmpty }.joined(separator: "\n\n"), files)
    }

    /// The notes of a change, in a commit of their own.
    func note(_ entry: UpstreamEntry) async throws {
        let repository = try await repository()
        var file = try repository.upstreamFile()
        file[entry.slug] = entry
        try await commit(fork, "NOTES: \(entry.slug)", [UpstreamFile.name: file.text])
    }

    /// An entry that every rule accepts for a change of the file `mine.txt`.
    static func entry(_ slug: String, touches: [String] = ["mine.txt"]) throws -> UpstreamEntry {
        UpstreamEntry(
            slug: slug, summary: "does \(slug)", kind: .build, touches: touches, status: try UpstreamStatus("Pending [a second look]"),
            verify: "test -f README.md", lastUpdate: "2026-11-01")
    }

    static func manifest(_ id: String, replaces: String? = nil, lineage: String = "") -> String {
        let provides = "{ \"kind\": \"trainer\", \"name\": \"dpo\"\(replaces.map { ", \"replaces\": \"\($0)\"" } ?? "") }"
        return "{ \"schema\": 1, \"id\": \"\(id)\", \"provides\": [\(provides)], \"lineage\": [\(lineage)] }\n"
    }

    private func identify(_ git: Git) async throws {
        try await git.change(["config", "user.name", "Ada Example"])
        try await git.change(["config", "user.email", "ada@example.org"])
    }
}
