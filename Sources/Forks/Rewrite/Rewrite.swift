internal import Foundation

/// Rewrites the fork's branch: every commit of the series is carried over to another base, proved, and only then the branch
/// moves.
///
/// The new series grows on a branch of its own in the user's work tree, where conflicts are resolved. A tag keeps the old tip.
/// Whatever ends the process, the same command goes on, and `abort` brings back the state before.
package struct Rewrite: Sendable {
    let repository: ForkRepository
    /// The command that trains with the recipe of `Proof-Recipe`; the recipe and `--run-dir DIR` follow.
    let trainer: String

    var git: Git { repository.git }

    package init(_ repository: ForkRepository, trainer: String = LossProof.trainer) {
        self.repository = repository
        self.trainer = trainer
    }

    // MARK: Beginning

    /// Carries the series over to a tag, a branch or a commit of upstream.
    /// - Parameter day: what UPSTREAM.md gets as the day of the last sync.
    package func sync(to name: String, day: Day) async throws -> RewriteStop {
        if let state = try await RewriteState.load(git) {
            let target = try await repository.commit(name)
            guard state.kind == .sync, state.request.target.commit == target else { throw Rewrite.isUnderWay(state) }
            return try await again(state)
        }
        let header = try await ready()
        let target = try await repository.target(name, header)
        if target.commit == header.base { return .nothing("the fork stands on \(target.short) already") }
        let request = try await ReplayRequest.read(repository, header, target: target)
        return try await begin(.sync, request, header, work: "fork/sync/\(name)", day)
    }

    /// Takes one change out of the series; the others are carried over to the same base.
    package func drop(_ slug: String, day: Day) async throws -> RewriteStop {
        if let state = try await RewriteState.load(git) {
            guard state.kind == .drop, state.request.dropped == slug else { throw Rewrite.isUnderWay(state) }
            return try await again(state)
        }
        let header = try await ready()
        try await repository.requireChange(slug, header)
        let target = NamedCommit(name: header.baseTag, commit: header.base)
        let request = try await ReplayRequest.read(repository, header, target: target, dropped: slug)
        return try await begin(.drop, request, header, work: "fork/drop/\(slug)", day)
    }

    /// What must hold before a branch is rewritten.
    private func ready() async throws -> UpstreamHeader {
        _ = try await repository.requireBranch()
        try await repository.requireClean()
        try await repository.requireNothingUnderWay()
        let (_, header) = try repository.fork()
        try await repository.requireUpstream(header)
        try await repository.requireBase(header)
        return header
    }

    private func begin(
        _ kind: RewriteState.Kind, _ request: ReplayRequest, _ header: UpstreamHeader, work: String, _ day: Day
    ) async throws -> RewriteStop {
        let isBranch = try await git.run(["check-ref-format", "--branch", work]).status == 0
        let workBranch = isBranch ? work : "fork/\(kind.rawValue)/\(request.target.commit.prefix(10))"
        guard try await repository.commit("refs/heads/\(workBranch)") == nil else {
            throw ForkError(
                "", "the branch '\(workBranch)' exists, and this would make it", fix: "git branch -D \(workBranch)")
        }
        let backup = try await BackupTag.name(git, prefix: "fork/\(request.base.short)", commit: request.tip)
        var state = RewriteState(
            kind: kind, request: request, branch: try await repository.requireBranch(), workBranch: workBranch,
            backup: backup.tag, madeBackup: !backup.exists, untracked: Set(try await untracked()), day: day.description,
            head: request.target.commit)
        try await state.save(git)
        return try await advance(&state)
    }

    private static func isUnderWay(_ state: RewriteState) -> ForkError {
        ForkError("", "a \(state.title) is under way", fix: "\(state.command) --continue, or \(state.command) --abort")
    }

    // MARK: Going on

    /// Goes on after the user resolved a conflict or mended what a proof found, or after the process was ended.
    package func proceed() async throws -> RewriteStop {
        var state = try await underWay("--continue")
        try await unlock(state)
        if let stopped = state.stopped {
            let fate = try await resolution(of: stopped, state)
            try await settle(stopped, fate, &state)
        } else if state.phase == .proving {
            try await takeRepairs(&state)
        } else {
            try await tidy(state)
        }
        return try await advance(&state)
    }

    /// Leaves the commit in conflict out, or goes on without the proofs that failed.
    package func skip() async throws -> RewriteStop {
        var state = try await underWay("--skip")
        try await unlock(state)
        if let stopped = state.stopped {
            try await requireWorkBranch(state)
            guard try await git.read(["rev-parse", "HEAD"]).text == state.head else {
                throw ForkError(
                    "", "the commit in conflict was committed already, there is nothing to leave out",
                    fix: "\(state.command) --continue")
            }
            try await replay(state).clear()
            try await settle(stopped, .skipped, &state)
        } else if state.isUnproven {
            try await takeRepairs(&state)
            state.isUnproven = false
            state.phase = .finishing
            try await state.save(git)
        } else {
            throw ForkError(
                "", "the \(state.title) waits for nothing that could be left out", fix: "\(state.command) --continue")
        }
        return try await advance(&state)
    }

    /// The same command again: it goes on, or says once more what it waits for.
    private func again(_ state: RewriteState) async throws -> RewriteStop {
        if let stopped = state.stopped { return try await .conflict(card(stopped, state)) }
        return try await proceed()
    }

    func underWay(_ option: String) async throws -> RewriteState {
        guard let state = try await RewriteState.load(git) else {
            throw ForkError("", "\(option): nothing is under way", fix: "forktail fork sync TAG")
        }
        guard state.phase != .aborting else {
            throw ForkError("", "the \(state.title) is being undone", fix: "\(state.command) --abort")
        }
        return state
    }

    private func settle(
        _ stopped: ReplayedCommit, _ fate: ReplayedCommit.Fate, _ state: inout RewriteState
    ) async throws {
        var row = stopped
        row.fate = fate
        state.done.append(row)
        state.head = try await git.read(["rev-parse", "HEAD"]).text
        state.stopped = nil
        try await state.save(git)
    }

    private func advance(_ state: inout RewriteState) async throws -> RewriteStop {
        if state.phase == .replaying, let card = try await carry(&state) { return .conflict(card) }
        var report = try await report(state)
        if state.phase == .proving {
            try await prove(&report, state)
            state.isUnproven = !report.isProven
            if !state.isUnproven { state.phase = .finishing }
            try await state.save(git)
            if state.isUnproven { return .unproven(report) }
        }
        try await finish(state)
        return .done(report)
    }

    /// Carries the commits that are left; returns at a conflict.
    private func carry(_ state: inout RewriteState) async throws -> ConflictCard? {
        try await place(state)
        let replay = replay(state)
        while state.done.count < state.request.steps.count {
            let row = try await replay.next(after: state.done)
            if row.fate == .conflict {
                state.stopped = row
                try await state.save(git)
                return try await card(row, state)
            }
            state.done.append(row)
            state.head = try await git.read(["rev-parse", "HEAD"]).text
            try await state.save(git)
        }
        try await commitLastNotes(state)
        state.head = try await git.read(["rev-parse", "HEAD"]).text
        state.phase = .proving
        try await state.save(git)
        return nil
    }

    func replay(_ state: RewriteState) -> Replay { Replay(git: git, request: state.request) }
}
