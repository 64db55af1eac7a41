extension Rewrite {
    func card(_ row: ReplayedCommit, _ state: RewriteState) async throws -> ConflictCard {
        // Without rerere there is nothing that it remembers, and it lists nothing.
        let open = Set(try await git.read(["rerere", "remaining"]).lines)
        let enabled = try await git.run(["config", "--bool", "rerere.enabled"]).text == "true"
        let files = row.files.map(\.path)
        return ConflictCard(
            place: state.done.count + 1, count: state.request.steps.count, row: row,
            entry: try await oldNotes(state)[row.slug ?? ""],
            remembered: Set(enabled ? files.filter { !open.contains($0) } : []), command: state.command)
    }

    /// UPSTREAM.md as it was when the rewriting began.
    func oldNotes(_ state: RewriteState) async throws -> UpstreamFile {
        let content = try await git.read(["show", "\(state.request.tip):\(UpstreamFile.name)"]).bytes
        return try UpstreamFile(parsing: String(decoding: content, as: UTF8.self))
    }

    /// Commits the user's resolution, and says what it is.
    /// - Throws: `ForkError` when it is not one yet.
    func resolution(of stopped: ReplayedCommit, _ state: RewriteState) async throws -> ReplayedCommit.Fate {
        try await requireWorkBranch(state)
        try await requireResolved(stopped, state)
        let head = try await git.read(["rev-parse", "HEAD"]).text
        let isChanged = try await git.run(["diff", "--cached", "--quiet", "HEAD"]).status != 0
        if isChanged {
            try await git.change(["commit", "-q", "--no-verify", "-C", stopped.commit])
            return .resolved
        }
        if try await git.run(["rev-parse", "-q", "--verify", "CHERRY_PICK_HEAD"]).status == 0 {
            // Resolved to what upstream has.
            try await replay(state).clear()
            return .reworked
        }
        guard try await repository.isAncestor(state.head, of: head) else {
            throw ForkError(
                "", "'\(state.workBranch)' was moved to \(head.prefix(8)), which is not above \(state.head.prefix(8))",
                fix: "git reset --hard \(state.head.prefix(8)), or \(state.command) --abort")
        }
        guard head != state.head else {
            throw ForkError(
                "", "nothing of \(stopped.commit.prefix(8)) \"\(stopped.subject)\" is in the work tree",
                fix: "\(state.command) --skip to leave it out, or git cherry-pick \(stopped.commit.prefix(8))")
        }
        return .resolved
    }

    private func requireResolved(_ stopped: ReplayedCommit, _ state: RewriteState) async throws {
        var problems = try await replay(state).conflicts().map {
            ForkProblem($0, "is still in conflict", fix: "resolve it, and git add \(ShellWord.quoted($0))")
        }
        let check = try await git.run(["diff", "--cached", "--check", "HEAD", "--"] + stopped.files.map(\.path))
        let marker = ": leftover conflict marker"
        for line in check.lines where line.hasSuffix(marker) {
            let place = String(line.dropLast(marker.count))
            problems.append(ForkProblem(place, "has a conflict marker", fix: "edit the file, and git add it"))
        }
        let open = Set(problems.map(\.place))
        for path in try await git.read(["diff", "--name-only", "-z"]).fields where !open.contains(path) {
            problems.append(
                ForkProblem(
                    path, "was changed and not added",
                    fix: "git add \(ShellWord.quoted(path)), or git restore \(ShellWord.quoted(path))"))
        }
        if !problems.isEmpty { throw ForkError(problems) }
    }

    /// Takes commits that the user made on the work branch to mend what a proof found.
    func takeRepairs(_ state: inout RewriteState) async throws {
        try await requireWorkBranch(state)
        try await repository.requireClean()
        let head = try await git.read(["rev-parse", "HEAD"]).text
        guard try await repository.isAncestor(state.request.target.commit, of: head) else {
            throw ForkError(
                "", "'\(state.workBranch)' is not above \(state.request.target.short) any more",
                fix: "git reset --hard \(state.head.prefix(8)), or \(state.command) --abort")
        }
        state.head = head
        try await state.save(git)
    }
}
