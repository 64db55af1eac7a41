internal import Foundation

/// A rewriting of the fork's branch that is under way: everything that is needed to go on with it, or to undo it.
///
/// Kept in one file of the git folder, which is replaced whole after every step. Whatever ends the process, the file and the
/// commits that it names say how to go on.
struct RewriteState: Codable, Sendable, Hashable {
    /// The command that began it.
    let kind: Kind
    let request: ReplayRequest
    /// The fork's branch, which moves last of all.
    let branch: String
    /// The branch that the new series grows on.
    let workBranch: String
    /// The tag that keeps the old tip.
    let backup: String
    /// Whether the tag was made for this.
    let madeBackup: Bool
    /// Files that git did not know when it began.
    let untracked: Set<String>
    /// What UPSTREAM.md says as the day of the sync, YYYY-MM-DD.
    let day: String
    /// What became of the first steps.
    var done: [ReplayedCommit] = []
    /// Where the work branch stands.
    var head: String
    var phase = Phase.replaying
    /// The commit in conflict that waits for the user.
    var stopped: ReplayedCommit?
    /// Whether the proofs failed and wait for the user.
    var isUnproven = false

    /// Whether it is the user's turn.
    var isWaiting: Bool { stopped != nil || isUnproven }

    enum Kind: String, Codable, Sendable {
        case sync
        case drop
    }

    enum Phase: String, Codable, Sendable {
        case replaying
        case proving
        case finishing
        case aborting
    }

    /// The command that goes on with it.
    var command: String { "forktail fork \(kind.rawValue)" }

    /// What it does, in words.
    var title: String {
        switch kind {
        case .sync: "sync to \(request.target.short)"
        case .drop: "drop of \(request.dropped ?? "")"
        }
    }
}

extension RewriteState {
    private static func file(_ git: Git) async throws -> URL {
        URL(filePath: try await git.read(["rev-parse", "--absolute-git-dir"]).text).appending(path: "forktail-rewrite.json")
    }

    /// The rewriting that is under way, nil when none is.
    static func load(_ git: Git) async throws -> RewriteState? {
        let url = try await file(git)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        return try JSONDecoder().decode(RewriteState.self, from: Data(contentsOf: url))
    }

    func save(_ git: Git) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try await encoder.encode(self).write(to: RewriteState.file(git), options: .atomic)
    }

    static func remove(_ git: Git) async throws {
        try await FileManager.default.removeItem(at: file(git))
    }
}
