internal import Foundation

/// Carries commits over to another base, one by one.
///
/// What a forecast says and what a sync does come from here, by the same commands in the same order, so they agree.
struct Replay {
    /// Runs in the work tree whose HEAD moves.
    let git: Git
    let request: ReplayRequest

    /// Carries the step after `done`; a conflict is left standing in the work tree.
    func next(after done: [ReplayedCommit]) async throws -> ReplayedCommit {
        let step = request.steps[done.count]
        switch step.kind {
        case .syncNote where request.dropped == nil: return ReplayedCommit(step, .superseded)
        case .syncNote, .notes:
            try await carryNotes(step, without: request.gone(after: done))
            return ReplayedCommit(step, .notes)
        case .change where step.slug != nil && step.slug == request.dropped: return ReplayedCommit(step, .dropped)
        case .change: return try await carry(step)
        }
    }

    /// What becomes of every step when each conflict is left out.
    func forecast() async throws -> [ReplayedCommit] {
        var rows: [ReplayedCommit] = []
        for _ in request.steps {
            let row = try await next(after: rows)
            rows.append(row)
            if row.fate == .conflict { try await clear() }
        }
        return rows
    }

    private func carry(_ step: ReplayStep) async throws -> ReplayedCommit {
        let isMerged = request.merged.contains(step.commit)
        let pick = try await git.run(["cherry-pick", "--ff", "--allow-empty", step.commit], changes: true)
        if pick.status == 0 { return ReplayedCommit(step, isMerged ? .returned : .clean) }
        let paths = try await conflicts()
        guard paths.isEmpty || isMerged else {
            return ReplayedCommit(step, .conflict, files: try await files(paths))
        }
        if paths.isEmpty, try await !isEmptyPick() { _ = try pick.checked() }
        // Upstream has it: in another form, or the same and more on top of it.
        try await clear()
        return ReplayedCommit(step, isMerged ? .upstream : .reworked)
    }

    /// Takes what a pick left behind out of the work tree.
    func clear() async throws {
        try await git.change(["reset", "-q", "--hard"])
        // What rerere had begun to record.
        try await git.change(["rerere", "clear"])
    }

    /// The files in conflict, sorted.
    func conflicts() async throws -> [String] {
        try await git.read(["diff", "--name-only", "--diff-filter=U", "-z"]).fields.sorted()
    }

    /// Whether a pick stopped because nothing was left of the commit.
    private func isEmptyPick() async throws -> Bool {
        let stopped = try await git.run(["rev-parse", "-q", "--verify", "CHERRY_PICK_HEAD"])
        let change = try await git.run(["diff", "--cached", "--quiet", "HEAD"])
        return stopped.status == 0 && change.status == 0
    }

    /// The files in conflict, each with the last commit of upstream that changed it.
    func files(_ paths: [String]) async throws -> [ConflictFile] {
        var files: [ConflictFile] = []
        for path in paths {
            // git moves a file that a folder is in the way of to "name~HEAD" or "name~commit (subject)".
            let name = path.split(separator: "~", maxSplits: 1).first.map(String.init) ?? path
            let range = "\(request.base.commit)..\(request.target.commit)"
            let log = try await git.read(
                ["--literal-pathspecs", "log", "-1", "--format=%h%x00%s", range, "--", path, name])
            let parts = log.text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
            let commit = parts.count == 2 ? CommitLine(commit: parts[0], subject: parts[1]) : nil
            files.append(ConflictFile(path: path, upstream: commit))
        }
        return files
    }
}

extension Replay {
    /// Makes the notes what they were in the step, without the entries of changes that are gone.
    ///
    /// Only the fork writes its notes, so they are taken as they are: merging them would make conflicts of nothing.
    private func carryNotes(_ step: ReplayStep, without gone: Set<String>) async throws {
        let found = try await git.run(["show", "\(step.commit):\(UpstreamFile.name)"])
        guard found.status == 0 else { return }
        let notes = Replay.removing(gone, from: found.bytes)
        let places = try await git.read(["rev-parse", "HEAD", "\(step.commit)^"]).lines
        if places.first == places.last, notes == found.bytes {
            try await git.change(["merge", "-q", "--ff-only", step.commit])
        } else {
            try await commitNotes(notes, ["-C", step.commit])
        }
    }

    /// Commits UPSTREAM.md with this content, unless it has it already.
    func commitNotes(_ content: [UInt8], _ message: [String]) async throws {
        try Data(content).write(to: URL(fileURLWithPath: git.directory).appending(path: UpstreamFile.name))
        try await git.change(["add", "--", UpstreamFile.name])
        if try await git.run(["diff", "--cached", "--quiet", "HEAD"]).status == 0 { return }
        try await git.change(["commit", "-q", "--no-verify"] + message)
    }

    private static func removing(_ slugs: Set<String>, from content: [UInt8]) -> [UInt8] {
        do {
            var file = try UpstreamFile(parsing: String(decoding: content, as: UTF8.self))
            guard file.entries.contains(where: { slugs.contains($0.slug) }) else { return content }
            for slug in slugs { file[slug] = nil }
            return Array(file.text.utf8)
        } catch {
            // A past state that could not be read stays as it was; the last state was read before the replay began.
            return content
        }
    }
}
