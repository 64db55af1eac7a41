import Forks
import Foundation
import Testing

struct RewriteTests {
    private static let lines = (1...12).map { "line \($0)\n" }.joined()
    private let day: Day

    init() throws { day = try #require(Day("2026-11-21")) }

    /// Two changes, of which the first is in conflict with v1.1.0.
    private func fork(verify: String = "true") async throws -> TestFork {
        let lines = RewriteTests.lines
        let fork = try await TestFork(["A": lines, "B": lines])
        try await fork.change("clamp", "clamp line 2", ["A": lines.replacing("line 2\n", with: "ours\n")])
        try await fork.entry("clamp", summary: "clamp the second line", verify: verify)
        try await fork.change("more", "one more line", ["B": lines + "more\n"])
        try await fork.entry("more")
        try await fork.upstream(tag: "v1.1.0") {
            try fork.write(["A": lines.replacing("line 2\n", with: "theirs\n")])
            try await fork.commit("rework line 2")
        }
        return fork
    }

    private func card(_ stop: RewriteStop) throws -> ConflictCard {
        guard case .conflict(let card) = stop else { throw StoppedElsewhere(stop: stop) }
        return card
    }

    private func report(_ stop: RewriteStop) throws -> RewriteReport {
        guard case .done(let report) = stop else { throw StoppedElsewhere(stop: stop) }
        return report
    }

    private struct StoppedElsewhere: Error {
        let stop: RewriteStop
    }

    // MARK: Sync

    @Test func `a conflict shows both sides, and --continue goes on from it`() async throws {
        let fork = try await fork()
        let old = try await fork.head()
        let ours = try await fork.git.read(["log", "--format=%H", "--grep=clamp line 2"]).text.prefix(8)
        let theirs = try await fork.git.read(["log", "-1", "--format=%h", "v1.1.0"]).text
        let rewrite = try await fork.rewrite
        let card = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        #expect(
            card.text == """
                conflict in 2 of 5: \(ours) "FORK: clamp line 2" (clamp)
                  A  upstream \(theirs) "rework line 2"
                  ours     clamp the second line
                  verify   true
                resolve the files and git add them: forktail fork sync --continue
                leave the commit out:               forktail fork sync --skip
                back to where it began:             forktail fork sync --abort
                """)
        // The same command again says the same, and changes nothing.
        #expect(try self.card(try await rewrite.sync(to: "v1.1.0", day: day)) == card)
        try fork.write(["A": RewriteTests.lines.replacing("line 2\n", with: "both\n")])
        try await fork.git.change(["add", "A"])
        let report = try report(try await rewrite.proceed())
        #expect(report.rows.filter(\.isChange).map(\.fate) == [.resolved, .clean])
        #expect(report.proofs.map(\.slug) == ["clamp", "more"] && report.isProven)
        #expect(report.backup == "fork/v1.0.0-1")
        #expect(try await fork.head("fork/v1.0.0-1") == old)
        #expect(try fork.text("A").contains("both"))
        let log = try await fork.git.read(["log", "--reverse", "--format=%an|%s", "v1.1.0.."]).lines
        #expect(
            log == [
                "NOTES: init", "FORK: clamp line 2", "NOTES: clamp", "FORK: one more line", "NOTES: more",
                "NOTES: sync v1.1.0",
            ].map { "Ann Example|\($0)" })
        let (file, header) = try await fork.repository.fork()
        #expect(header.baseTag == "v1.1.0" && header.lastSync == "2026-11-21")
        #expect(header.base == (try await fork.head("v1.1.0")))
        #expect(file.entries.map(\.slug) == ["clamp", "more"])
        let same = report.rangeDiff.split(separator: "\n").filter { $0.contains(" = ") }
        #expect(same.contains { $0.hasSuffix("FORK: one more line") })
        #expect(!same.contains { $0.hasSuffix("FORK: clamp line 2") })
        guard case .nothing(let text) = try await rewrite.sync(to: "v1.1.0", day: day) else {
            Issue.record("a second sync has nothing to do")
            return
        }
        #expect(text == "the fork stands on v1.1.0 already")
    }

    @Test func `--skip leaves the commit out, and the entry of a change of which nothing is left`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        let report = try report(try await rewrite.skip())
        #expect(report.rows.filter(\.isChange).map(\.fate) == [.skipped, .clean])
        #expect(report.gone == ["clamp"])
        #expect(try await fork.repository.fork().file.entries.map(\.slug) == ["more"])
        #expect(try fork.text("A").contains("theirs"))
    }

    @Test func `the note of an earlier sync gives way to the next one`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        _ = try await rewrite.sync(to: "v1.1.0", day: day)
        _ = try await rewrite.skip()
        try await fork.upstream(tag: "v1.2.0") { try await fork.commit("nothing much") }
        let report = try report(try await rewrite.sync(to: "v1.2.0", day: day))
        #expect(report.backup == "fork/v1.1.0-1")
        let subjects = try await fork.git.read(["log", "--format=%s", "v1.2.0.."]).lines
        #expect(subjects == ["NOTES: sync v1.2.0", "NOTES: more", "FORK: one more line", "NOTES: init"])
    }

    @Test func `--abort brings back branch, files, index and tags`() async throws {
        let fork = try await fork()
        try fork.write(["notes of mine": "not git's business\n"])
        let before = try await fork.snapshot()
        let rewrite = try await fork.rewrite
        _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        try fork.write(["A": "half\n", "B": "edited\n"])
        #expect(try await fork.snapshot() != before)
        let undone = try await rewrite.abort()
        #expect(undone.branch == "fork/main" && undone.title == "sync to v1.1.0")
        #expect(try await fork.snapshot() == before)
        await #expect(throws: ForkError("", "--abort: nothing is under way", fix: "forktail fork sync TAG")) {
            try await rewrite.abort()
        }
    }

    @Test func `a backup tag that keeps the tip already is used again`() async throws {
        let fork = try await fork()
        try await fork.git.change(["tag", "fork/v1.0.0-7"])
        let rewrite = try await fork.rewrite
        _ = try await rewrite.sync(to: "v1.1.0", day: day)
        _ = try await rewrite.abort()
        #expect(try await fork.repository.commit("refs/tags/fork/v1.0.0-7") != nil)
        try await fork.git.change(["tag", "-d", "fork/v1.0.0-7"])
        try await fork.git.change(["tag", "fork/v1.0.0-9", "HEAD~1"])
        _ = try await rewrite.sync(to: "v1.1.0", day: day)
        #expect(try report(try await rewrite.skip()).backup == "fork/v1.0.0-10")
    }

    @Test func `what is not resolved yet is told at once`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        try fork.write(["B": "edited\n"])
        await #expect(
            throws: ForkError([
                ForkProblem("A", "is still in conflict", fix: "resolve it, and git add A"),
                ForkProblem("B", "was changed and not added", fix: "git add B, or git restore B"),
            ])
        ) { try await rewrite.proceed() }
        try await fork.git.change(["add", "A"])
        try await fork.git.change(["restore", "B"])
        let error = await #expect(throws: ForkError.self) { try await rewrite.proceed() }
        #expect(error?.problems.first?.message == "has a conflict marker")
        #expect(error?.problems.first?.place.hasPrefix("A:") == true)
        try await fork.git.change(["checkout", "-q", "-f", "fork/main"])
        await #expect(
            throws: ForkError(
                "", "the sync to v1.1.0 waits on the branch 'fork/sync/v1.1.0', HEAD is on 'fork/main'",
                fix: "git switch fork/sync/v1.1.0, or forktail fork sync --abort")
        ) { try await rewrite.proceed() }
    }

    @Test func `a resolution that the user committed is taken, one to upstream's text leaves the commit out`() async throws {
        for isCommitted in [true, false] {
            let fork = try await fork()
            let rewrite = try await fork.rewrite
            _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
            if isCommitted {
                try fork.write(["A": "mine\n"])
                try await fork.git.change(["commit", "-q", "-a", "--no-edit"])
            } else {
                try await fork.git.change(["checkout", "-q", "--ours", "A"])
                try await fork.git.change(["add", "A"])
            }
            let report = try report(try await rewrite.proceed())
            #expect(report.rows.filter(\.isChange).map(\.fate) == [isCommitted ? .resolved : .reworked, .clean])
        }
    }

    @Test func `what was resolved once comes back resolved, to be looked at`() async throws {
        let fork = try await fork()
        try await fork.git.change(["config", "rerere.enabled", "true"])
        let rewrite = try await fork.rewrite
        #expect(try card(try await rewrite.sync(to: "v1.1.0", day: day)).remembered == [])
        let resolved = RewriteTests.lines.replacing("line 2\n", with: "both\n")
        try fork.write(["A": resolved])
        try await fork.git.change(["add", "A"])
        _ = try report(try await rewrite.proceed())
        try await fork.git.change(["reset", "-q", "--hard", "fork/v1.0.0-1"])
        let card = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        #expect(card.remembered == ["A"] && card.text.contains("; resolved as before, look at it"))
        #expect(try fork.text("A") == resolved)
        try await fork.git.change(["add", "A"])
        #expect(try report(try await rewrite.proceed()).rows.filter(\.isChange).map(\.fate) == [.resolved, .clean])
    }

    @Test func `nothing resolved is no resolution`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        let card = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        try await fork.git.change(["reset", "-q", "--hard"])
        let short = card.row.commit.prefix(8)
        await #expect(
            throws: ForkError(
                "", "nothing of \(short) \"FORK: clamp line 2\" is in the work tree",
                fix: "forktail fork sync --skip to leave it out, or git cherry-pick \(short)")
        ) { try await rewrite.proceed() }
    }

    @Test func `a failing Verify stops before the branch moves; a repair goes on, --skip goes on without`() async throws {
        for isRepaired in [true, false] {
            let fork = try await fork(verify: "! grep -q both A || { echo it is both; exit 4; }")
            let old = try await fork.head()
            let rewrite = try await fork.rewrite
            _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
            try fork.write(["A": "both\n"])
            try await fork.git.change(["add", "A"])
            guard case .unproven(let report) = try await rewrite.proceed() else {
                Issue.record("the proof should fail")
                return
            }
            #expect(report.proofs.first == ChangeProof(slug: "clamp", command: report.proofs.first?.command, status: 4, tail: "it is both"))
            #expect(try await fork.head("fork/main") == old)
            if isRepaired {
                try await fork.change("clamp", "mend it", ["A": "mended\n"])
                #expect(try self.report(try await rewrite.proceed()).isProven)
                #expect(try fork.text("A") == "mended\n")
            } else {
                #expect(try self.report(try await rewrite.skip()).proofs == [])
                #expect(try fork.text("A") == "both\n")
            }
            #expect(try await fork.repository.branch() == "fork/main")
        }
    }

    @Test func `losses that move without a change that says so stop the sync`() async throws {
        for numbers in [nil, UpstreamEntry.Numbers.move] {
            let fork = try await TestFork(["loss": "1\n", "B": "b\n"])
            try await fork.change("more", "more", ["B": "b\nc\n"])
            try await fork.entry("more", numbers: numbers)
            var header = try await fork.repository.fork().header
            header.proofRecipe = "tiny.yaml"
            try await fork.setHeader(header)
            try await fork.upstream(tag: "v1.1.0") { try fork.write(["loss": "2\n"]); try await fork.commit("other numbers") }
            // A trainer of one step whose loss is what the file says.
            let trainer = #"train() { mkdir -p "$3" && echo "{\"step\": 1, \"loss\": $(cat loss)}" > "$3/metrics.jsonl"; }; train"#
            let rewrite = Rewrite(try await fork.repository, trainer: trainer)
            let stop = try await rewrite.sync(to: "v1.1.0", day: day)
            if numbers == nil {
                guard case .unproven(let report) = stop else { throw StoppedElsewhere(stop: stop) }
                #expect(report.losses?.before == ["1"] && report.losses?.after == ["2"])
                #expect(report.losses?.firstDifference == 1 && report.losses?.failure == nil)
            } else {
                #expect(try report(stop).losses?.moving == ["more"])
            }
        }
    }

    // MARK: Refusals

    @Test func `two rewritings at once are refused`() async throws {
        let fork = try await fork()
        try await fork.upstream(tag: "v1.2.0") { try await fork.commit("later") }
        let rewrite = try await fork.rewrite
        _ = try card(try await rewrite.sync(to: "v1.1.0", day: day))
        let error = ForkError(
            "", "a sync to v1.1.0 is under way", fix: "forktail fork sync --continue, or forktail fork sync --abort")
        await #expect(throws: error) { try await rewrite.sync(to: "v1.2.0", day: day) }
        await #expect(throws: error) { try await rewrite.drop("more", day: day) }
    }

    @Test func `what a rewriting needs first is a sentence with the command that mends it`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        try await fork.git.change(["branch", "fork/sync/v1.1.0"])
        await #expect(
            throws: ForkError(
                "", "the branch 'fork/sync/v1.1.0' exists, and this would make it", fix: "git branch -D fork/sync/v1.1.0")
        ) { try await rewrite.sync(to: "v1.1.0", day: day) }
        try await fork.git.change(["branch", "-q", "-D", "fork/sync/v1.1.0"])
        await #expect(
            throws: ForkError("", "the fork has no change 'mor'; did you mean 'more'?", fix: "forktail fork status, which lists them")
        ) { try await rewrite.drop("mor", day: day) }
        await #expect(throws: ForkError("", "--continue: nothing is under way", fix: "forktail fork sync TAG")) {
            try await rewrite.proceed()
        }
        await #expect(throws: ForkError("", "--skip: nothing is under way", fix: "forktail fork sync TAG")) {
            try await rewrite.skip()
        }
        _ = try await fork.git.run(["cherry-pick", "v1.1.0"], changes: true)
        try await fork.git.change(["checkout", "-q", "HEAD", "--", "A"])
        await #expect(
            throws: ForkError("", "a git cherry-pick is not finished", fix: "git cherry-pick --continue, or git cherry-pick --abort")
        ) { try await rewrite.sync(to: "v1.1.0", day: day) }
    }

    @Test func `an older target is refused`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        try await fork.git.change(["tag", "v1.0.5", "v1.0.0"])
        guard case .nothing = try await rewrite.sync(to: "v1.0.5", day: day) else {
            Issue.record("the base under another name is no target")
            return
        }
        _ = try await rewrite.sync(to: "v1.1.0", day: day)
        _ = try await rewrite.skip()
        await #expect(
            throws: ForkError(
                "", "v1.0.0 is older than the base v1.1.0; a fork goes forward", fix: "forktail fork plan upstream/main")
        ) { try await rewrite.sync(to: "v1.0.0", day: day) }
    }

    @Test func `files that git does not know are never written over`() async throws {
        let fork = try await fork()
        try await fork.upstream(tag: "v1.2.0") { try fork.write(["mine": "theirs\n"]); try await fork.commit("a file") }
        try fork.write(["mine": "my own\n"])
        let before = try await fork.snapshot()
        let rewrite = try await fork.rewrite
        await #expect(throws: GitError.self) { try await rewrite.sync(to: "v1.2.0", day: day) }
        #expect(try fork.text("mine") == "my own\n")
        _ = try await rewrite.abort()
        #expect(try await fork.snapshot() == before)
    }

    // MARK: Drop

    @Test func `drop takes the commits and the entry of one change out, and runs the others' commands`() async throws {
        let fork = try await fork()
        let old = try await fork.head()
        let first = try await fork.head("HEAD~4")
        let report = try report(try await (try await fork.rewrite).drop("clamp", day: day))
        #expect(report.rows.filter(\.isChange).map(\.fate) == [.dropped, .clean])
        #expect(report.proofs.map(\.slug) == ["more"])
        #expect(report.gone == ["clamp"])
        #expect(try await fork.head("fork/v1.0.0-1") == old)
        #expect(try fork.text("A") == RewriteTests.lines)
        let (file, header) = try await fork.repository.fork()
        #expect(file.entries.map(\.slug) == ["more"] && header.lastSync == TestFork.day)
        #expect(try await fork.git.read(["log", "--format=%s", "v1.0.0.."]).lines == ["NOTES: more", "FORK: one more line", "NOTES: init"])
        // What stands below the change is not written again.
        #expect(try await fork.head("HEAD~2") == first)
    }

    @Test func `drop keeps the note of the last sync`() async throws {
        let fork = try await fork()
        let rewrite = try await fork.rewrite
        _ = try await rewrite.sync(to: "v1.1.0", day: day)
        _ = try await rewrite.skip()
        _ = try report(try await rewrite.drop("more", day: day))
        let subjects = try await fork.git.read(["log", "--format=%s", "v1.1.0.."]).lines
        #expect(subjects == ["NOTES: sync v1.1.0", "NOTES: init"])
        let (file, header) = try await fork.repository.fork()
        #expect(file.entries == [] && header.baseTag == "v1.1.0")
    }

    @Test func `drop stops at a commit that builds on the change`() async throws {
        let fork = try await fork()
        try await fork.change("more", "on top", ["A": try fork.text("A").replacing("ours\n", with: "ours too\n")])
        let before = try await fork.snapshot()
        let rewrite = try await fork.rewrite
        let card = try card(try await rewrite.drop("clamp", day: day))
        #expect(card.row.subject == "FORK: on top")
        #expect(card.text.contains("A  not changed upstream: builds on a commit that was left out"))
        #expect(card.text.contains("forktail fork drop --continue"))
        _ = try await rewrite.abort()
        #expect(try await fork.snapshot() == before)
    }
}
