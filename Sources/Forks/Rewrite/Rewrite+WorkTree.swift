internal import Foundation

extension Rewrite {
    /// Makes the backup tag, and checks the work branch out where it stood after the last step.
    func place(_ state: RewriteState) async throws {
        if try await repository.commit("refs/tags/\(state.backup)") == nil {
            try await git.change(["update-ref", "refs/tags/\(state.backup)", state.request.tip, ""])
        }
        if try await repository.branch() == state.workBranch {
            try await git.change(["reset", "-q", "--hard", state.head])
        } else {
            try await git.change(["checkout", "-q", "-B", state.workBranch, state.head])
        }
    }

    /// Takes out what an ended process left half done: the work tree was clean, so nothing in it is the user's.
    func tidy(_ state: RewriteState) async throws {
        guard state.phase == .replaying else { return }
        try await replay(state).clear()
        try await removeLeftovers(state)
    }

    /// Moves the branch to the new series.
    func finish(_ state: RewriteState) async throws {
        let ref = "refs/heads/\(state.branch)"
        let tip = try await repository.commit(ref)
        guard tip == state.request.tip || tip == state.head else {
            throw ForkError(
                "", "the branch '\(state.branch)' moved while the \(state.title) was under way",
                fix: "\(state.command) --abort, and begin again")
        }
        if tip != state.head {
            try await git.change(
                ["update-ref", "-m", "forktail: \(state.title)", ref, state.head, state.request.tip])
        }
        // Both branches are the same commit, so the work tree is right as it is.
        try await git.change(["symbolic-ref", "-m", "forktail: \(state.title)", "HEAD", ref])
        try await deleteRef("refs/heads/\(state.workBranch)")
        try await RewriteState.remove(git)
    }

    /// Brings back the state before the rewriting began: branch, work tree, tags.
    /// - Returns: the branch, and what was undone.
    package func abort() async throws -> (branch: String, title: String) {
        guard var state = try await RewriteState.load(git) else {
            throw ForkError("", "--abort: nothing is under way", fix: "forktail fork sync TAG")
        }
        try await unlock(state)
        let ref = "refs/heads/\(state.branch)"
        let isOnWork = try await repository.branch() == state.workBranch
        // Where the user has left the work branch, the work tree is theirs again.
        let isOurs = isOnWork || state.phase == .aborting || !state.isWaiting
        if state.phase == .finishing, try await repository.commit(ref) == state.head {
            try await git.change(["update-ref", "-m", "forktail: undo the \(state.title)", ref, state.request.tip, state.head])
        }
        if isOurs {
            state.phase = .aborting
            try await state.save(git)
            try await git.change(["symbolic-ref", "HEAD", ref])
            try await replay(state).clear()
            try await removeLeftovers(state)
        }
        try await deleteRef("refs/heads/\(state.workBranch)")
        if state.madeBackup { try await deleteRef("refs/tags/\(state.backup)") }
        try await RewriteState.remove(git)
        return (state.branch, state.title)
    }

    private func deleteRef(_ ref: String) async throws {
        if try await git.run(["show-ref", "--quiet", "--verify", ref]).status == 0 {
            try await git.change(["update-ref", "-d", ref])
        }
    }

    func requireWorkBranch(_ state: RewriteState) async throws {
        let branch = try await repository.branch()
        guard branch == state.workBranch else {
            throw ForkError(
                "", "the \(state.title) waits on the branch '\(state.workBranch)', HEAD is "
                    + (branch.map { "on '\($0)'" } ?? "detached"),
                fix: "git switch \(state.workBranch), or \(state.command) --abort")
        }
    }

    // MARK: What an ended process leaves behind

    func untracked() async throws -> [String] {
        try await git.read(["ls-files", "--others", "--exclude-standard", "-z"]).fields
    }

    /// Removes the files that a checkout or a pick wrote and was ended before git knew them.
    private func removeLeftovers(_ state: RewriteState) async throws {
        let files = try await untracked().filter { !state.untracked.contains($0) }
        guard !files.isEmpty else { return }
        let next = state.request.steps.dropFirst(state.done.count).first.map { [$0.commit] } ?? []
        var written: Set<String> = []
        for commit in Set([state.request.target.commit, state.request.tip, state.head] + next) {
            written.formUnion(try await git.read(["ls-tree", "-r", "--name-only", "-z", commit]).fields)
        }
        for file in files {
            // A file that a folder is in the way of gets "~" and a side's name.
            let name = file.split(separator: "~", maxSplits: 1).first.map(String.init) ?? file
            guard written.contains(file) || written.contains(name) else { continue }
            try FileManager.default.removeItem(atPath: "\(repository.root)/\(file)")
        }
    }

    /// Removes the locks of a git that was ended with the process, once they cannot be those of a git that still works.
    func unlock(_ state: RewriteState) async throws {
        let own = URL(filePath: try await git.read(["rev-parse", "--absolute-git-dir"]).text)
        let common = URL(
            filePath: try await git.read(["rev-parse", "--path-format=absolute", "--git-common-dir"]).text)
        let refs = ["refs/heads/\(state.branch)", "refs/heads/\(state.workBranch)", "refs/tags/\(state.backup)"]
        let locks = ["index.lock", "HEAD.lock"].map { own.appending(path: $0) }
            + (refs + ["packed-refs"]).map { common.appending(path: "\($0).lock") }
        for lock in locks {
            for _ in 0..<10 where FileManager.default.fileExists(atPath: lock.path) {
                try await Task.sleep(for: .milliseconds(100))
            }
            if FileManager.default.fileExists(atPath: lock.path) { try FileManager.default.removeItem(at: lock) }
        }
    }
}
