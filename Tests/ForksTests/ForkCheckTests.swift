import Forks
import Foundation
import Testing

/// One fixture for each rule that breaks it, and the message in full.
@Suite("forktail fork check")
struct ForkCheckTests {
    /// A fork with one change of `mine.txt` that every rule accepts.
    private func workspace(_ edit: (inout UpstreamEntry) throws -> Void = { _ in }) async throws -> ForkWorkspace {
        let workspace = try await ForkWorkspace()
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n"])
        var entry = try ForkWorkspace.entry("mine")
        try edit(&entry)
        try await workspace.note(entry)
        return workspace
    }

    private func expect(
        _ workspace: ForkWorkspace, _ findings: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await workspace.check()
        #expect(found == findings, sourceLocation: sourceLocation)
    }

    private func rewriteHeader(_ workspace: ForkWorkspace, _ edit: (inout UpstreamHeader) -> Void) async throws {
        let repository = try await workspace.repository()
        var file = try repository.upstreamFile()
        if var header = file.header {
            edit(&header)
            file.header = header
        }
        try await workspace.commit(workspace.fork, "NOTES: header", [UpstreamFile.name: file.text])
    }

    @Test("a fork that keeps the rules, with a merge-free series and a plugin of its own, has no findings")
    func clean() async throws {
        let workspace = try await workspace()
        try await workspace.change(
            "own", "FORK: own plugin",
            ["Plugins/Trainers/Mine/plugin.json": ForkWorkspace.manifest("acme.trainer.mine"), "Plugins/Trainers/Mine/M.swift": "\n"])
        var entry = try ForkWorkspace.entry("own", touches: ["Plugins/Trainers/Mine"])
        entry.kind = .newPlugin
        try await workspace.note(entry)
        try await expect(workspace, [])
    }

    @Test("upstream itself has nothing to check")
    func upstream() async throws {
        let workspace = try await ForkWorkspace(initialized: false)
        try await expect(workspace, [])
    }

    @Test("rule 1: the base exists, is below HEAD, and is what its tag says")
    func rule1() async throws {
        let workspace = try await workspace()
        try await rewriteHeader(workspace) { $0.base = String(repeating: "12ab", count: 10) }
        try await expect(
            workspace, [
                "error: rule 1: Base: the commit HASH does not exist here\n    fix: git fetch --tags upstream"
            ])
        try await workspace.fork.change(["reset", "--quiet", "--hard", "HEAD~1"])
        try await workspace.fork.change(["tag", "--force", "v0.1.0", "HEAD"])
        try await expect(
            workspace, [
                "error: rule 1: Base: the tag v0.1.0 is the commit HASH, not HASH\n"
                    + "    fix: write: Base: v0.1.0 HASH, or drop the tag's name"
            ])
    }

    @Test("rule 2: a commit has one tag, one status and one change, and slips are corrected")
    func rule2() async throws {
        let workspace = try await workspace()
        let trailers = "Upstream-Status: Pending [x]\nFork-Change: mine"
        try await workspace.commit(workspace.fork, "core: no tag\n\n\(trailers)", ["mine.txt": "2\n"])
        try await workspace.commit(workspace.fork, "Frok - a slip\n\n\(trailers)", ["mine.txt": "3\n"])
        try await workspace.commit(workspace.fork, "BACKPORT: FORK: two\n\n\(trailers)", ["mine.txt": "4\n"])
        try await workspace.commit(
            workspace.fork, "FORK: trailers\n\nUpstream status = Pending [x]\nFork-Change: mine\n\nThe end.", ["mine.txt": "5\n"])
        try await workspace.commit(workspace.fork, "FORK: none", ["mine.txt": "6\n"])
        try await workspace.commit(workspace.fork, "FORK: twice\n\n\(trailers)\nFork-Change: mine", ["mine.txt": "7\n"])
        let notes = try await workspace.repository().upstreamFile().text
        try await workspace.commit(
            workspace.fork, "FORK: notes\n\n\(trailers)", ["mine.txt": "8\n", "UPSTREAM.md": notes + "\nMore.\n"])
        let rebase = "    fix: git rebase --interactive HASH, and"
        try await expect(
            workspace, [
                "error: rule 2: HASH 'core: no tag': has no tag, expected one of UPSTREAM, BACKPORT, FROMPR, FORK\n"
                    + "\(rebase) write: FORK: core: no tag",
                "error: rule 2: HASH 'Frok - a slip': malformed tag: expected 'FORK: a slip'\n\(rebase) write: FORK: a slip",
                "error: rule 2: HASH 'BACKPORT: FORK: two': has 2 tags, expected one\n\(rebase) write: FORK: two",
                "error: rule 2: HASH 'FORK: trailers': malformed trailer: found 'Upstream status = Pending [x]', "
                    + "expected 'Upstream-Status: Pending [x]'\n\(rebase) write: Upstream-Status: Pending [x] (last paragraph)",
                "error: rule 2: HASH 'FORK: trailers': malformed trailer: found 'Fork-Change: mine', "
                    + "is not in the last paragraph\n\(rebase) write: Fork-Change: mine (last paragraph)",
                "error: rule 2: HASH 'FORK: none': has no trailer Upstream-Status\n"
                    + "\(rebase) write: Upstream-Status: Pending [what it waits for] (last paragraph)",
                "error: rule 2: HASH 'FORK: none': has no trailer Fork-Change\n\(rebase) write: Fork-Change: slug (last paragraph)",
                "error: rule 2: HASH 'FORK: twice': has 2 trailers Fork-Change, expected one\n\(rebase) keep one",
                "error: rule 2: HASH 'FORK: notes': touches UPSTREAM.md and other files; notes are a commit of their own\n"
                    + "    fix: split it in two: git rebase --interactive HASH",
            ])
    }

    @Test("rule 2: a merge is a warning")
    func merges() async throws {
        let workspace = try await workspace()
        try await workspace.fork.change(["switch", "--quiet", "--create", "side", "HEAD~1"])
        try await workspace.change("mine", "FORK: side", ["mine.txt": "1\n2\n"])
        try await workspace.fork.change(["switch", "--quiet", "fork/main"])
        try await workspace.fork.change(["merge", "--quiet", "--no-ff", "--message", "merge side", "side"])
        try await expect(
            workspace, [
                "warning: rule 2: HASH 'merge side': is a merge; a fork is one line of commits on its base\n    fix: git rebase HASH"
            ])
    }

    @Test("rule 3: every change has an entry, every entry has a commit")
    func rule3() async throws {
        let workspace = try await workspace()
        try await workspace.change("token-kl", "FORK: kl", ["mine.txt": "2\n"])
        try await workspace.change("other", "FORK: other", ["mine.txt": "3\n"])
        try await workspace.note(ForkWorkspace.entry("tokn-kl"))
        try await expect(
            workspace, [
                "error: rule 3: token-kl: has commits and no entry in UPSTREAM.md\n"
                    + "    fix: its entry may be '## tokn-kl': name both the same",
                "error: rule 3: other: has commits and no entry in UPSTREAM.md\n"
                    + "    fix: write the section '## other' and commit it alone: NOTES: other",
                "error: rule 3: tokn-kl: has an entry in UPSTREAM.md and no commit with 'Fork-Change: tokn-kl'\n"
                    + "    fix: take the section '## tokn-kl' out and commit that alone: NOTES: tokn-kl",
            ])
    }

    @Test("rule 4: a status or a name with a slip is corrected, in UPSTREAM.md and in commits")
    func rule4() async throws {
        let workspace = try await workspace()
        try await workspace.commit(
            workspace.fork, "FORK: x\n\nUpstream-Status: submitted https://example.org/1\nFork-Change: Mine", ["mine.txt": "2\n"])
        let rebase = "    fix: git rebase --interactive HASH, and"
        #expect(
            try await workspace.check().filter { $0.contains("rule 4") } == [
                "error: rule 4: HASH 'FORK: x': malformed Upstream-Status: found 'submitted https://example.org/1', "
                    + "expected Submitted [https://...]\n\(rebase) write: Upstream-Status: Submitted [https://example.org/1]",
                "error: rule 4: HASH 'FORK: x': malformed Fork-Change: found 'Mine', expected lower-case words with hyphens\n"
                    + "\(rebase) write: Fork-Change: mine",
            ])
        let text = try await workspace.repository().upstreamFile().text
        try await workspace.commit(
            workspace.fork, "NOTES: slip", [UpstreamFile.name: text.replacing("Pending [", with: "Pendng [")])
        try await expect(
            workspace, [
                "error: rule 4: UPSTREAM.md:15: malformed Upstream-Status: found 'Pendng [a second look]', "
                    + "expected Pending [what it waits for]\n    fix: write: Upstream-Status: Pending [a second look]"
            ])
    }

    @Test("rule 5: nothing differs from upstream that no entry names")
    func rule5() async throws {
        let workspace = try await workspace()
        try await workspace.change("mine", "FORK: more", ["README.md": "ours\n", "mine.txt": "2\n"])
        try await expect(
            workspace, [
                "error: rule 5: README.md: differs from upstream, and no entry names it in Touches\n"
                    + "    fix: add it to Touches of '## mine'"
            ])
    }

    @Test("rule 6: a core patch says why no plugin can do it, and there are not too many")
    func rule6() async throws {
        let workspace = try await workspace { $0.kind = .corePatch }
        try await rewriteHeader(workspace) { $0.maxCorePatches = 0 }
        try await workspace.change("hidden", "FORK: hidden", ["Sources/Core/Thing.swift": "let hidden = 1\n"])
        try await workspace.note(ForkWorkspace.entry("hidden", touches: ["Sources"]))
        try await expect(
            workspace, [
                "error: rule 6: mine: is a core-patch and does not say why no plugin can do it\n    fix: write: Why-Not-Plugin: ...",
                "error: rule 6: hidden: is a build and touches Sources/Core/Thing.swift\n"
                    + "    fix: write: Kind: core-patch, and Why-Not-Plugin: ...",
                "error: rule 6: Max-Core-Patches: found 1 core patches, expected at most 0\n"
                    + "    fix: send one upstream: forktail fork propose SLUG",
            ])
    }

    @Test("rule 7: an UPSTREAM commit is the one it was picked from, a BACKPORT says what was changed")
    func rule7() async throws {
        let workspace = try await workspace()
        let first = try await workspace.commit(workspace.upstream, "core: first", ["one.txt": "1\n"])
        let second = try await workspace.commit(workspace.upstream, "core: second", ["two.txt": "2\n"])
        try await workspace.fork.change(["fetch", "--quiet", "upstream"])
        var entry = try ForkWorkspace.entry("mine")
        entry.touches = ["mine.txt", "one.txt", "two.txt"]
        try await workspace.note(entry)
        let pick = { (hash: String) in "(cherry picked from commit \(hash))" }
        try await workspace.change("mine", "UPSTREAM: first", ["one.txt": "1\n"], body: pick(first), status: "Backport [0.2.0]")
        try await expect(workspace, [])
        try await workspace.change("mine", "UPSTREAM: second", ["two.txt": "22\n"], body: pick(second), status: "Backport [0.2.0]")
        try await workspace.change("mine", "UPSTREAM: no source", ["mine.txt": "3\n"], status: "Backport [0.2.0]")
        try await workspace.change("mine", "BACKPORT: silent", ["mine.txt": "4\n"], body: pick(second))
        try await workspace.change("mine", "BACKPORT: said", ["mine.txt": "5\n"], body: pick(second) + "\n[Ada: other file]")
        try await workspace.change("mine", "UPSTREAM: gone", ["mine.txt": "6\n"], body: pick(String(repeating: "12ab", count: 10)))
        try await expect(
            workspace, [
                "error: rule 7: HASH 'UPSTREAM: second': is not the same change as HASH, which it was picked from\n"
                    + "    fix: write: BACKPORT: second, and a line in brackets: [NAME: what was changed]",
                "error: rule 7: HASH 'UPSTREAM: no source': does not say which commit of upstream it is\n"
                    + "    fix: write: (cherry picked from commit <40 hexadecimal digits>), as git cherry-pick -x does",
                "error: rule 7: HASH 'BACKPORT: silent': does not say what was changed to make it fit\n"
                    + "    fix: write a line in brackets: [NAME: what was changed]",
                "error: rule 7: HASH 'UPSTREAM: gone': was picked from HASH, which does not exist here\n"
                    + "    fix: git fetch --tags upstream",
            ])
    }

    @Test("rule 8: what an entry replaces is what plugin.json replaces, and lineage leads to a commit")
    func rule8() async throws {
        let workspace = try await ForkWorkspace()
        let gone = String(repeating: "12ab", count: 10)
        let lineage = "{ \"id\": \"core.trainer.dpo\", \"version\": \"0.1.0\", \"commit\": \"\(gone)\", \"tree\": \"\(gone)\" }"
        let manifest = ForkWorkspace.manifest("acme.trainer.dpo", replaces: "core.trainer.dpo", lineage: lineage)
        try await workspace.change("dpo", "FORK: dpo", ["Plugins/Trainers/Acme/plugin.json": manifest])
        var entry = try ForkWorkspace.entry("dpo", touches: ["Plugins/Trainers/Acme"])
        entry.kind = .pluginOverride
        try await workspace.note(entry)
        let orphan = "error: rule 8: Plugins/Trainers/Acme/plugin.json: its lineage names commit HASH of core.trainer.dpo, "
            + "which neither HEAD nor upstream has\n    fix: git fetch --tags upstream"
        try await expect(
            workspace, [
                orphan,
                "error: rule 8: dpo: is a plugin-override and does not say what it replaces\n"
                    + "    fix: write: Replaces: core.trainer.dpo",
            ])
        entry.replaces = "core.trainer.grpo"
        try await workspace.note(entry)
        try await expect(
            workspace, [
                orphan,
                "error: rule 8: dpo: replaces core.trainer.grpo, and plugin.json in what it touches replaces core.trainer.dpo\n"
                    + "    fix: write: Replaces: core.trainer.dpo",
            ])
        let base = try await workspace.repository().fork().header.base
        try await workspace.change(
            "dpo", "FORK: lineage", ["Plugins/Trainers/Acme/plugin.json": manifest.replacing(gone, with: base)])
        entry.replaces = "core.trainer.dpo"
        try await workspace.note(entry)
        try await expect(workspace, [])
        try await workspace.change("dpo", "FORK: broken", ["Plugins/Trainers/Acme/plugin.json": "{"])
        #expect(try await workspace.check().first?.hasPrefix(
            "error: rule 8: Plugins/Trainers/Acme/plugin.json: is no plugin.json: expected ") == true)
    }

    @Test("rule 9: every entry has a command that can run")
    func rule9() async throws {
        let workspace = try await workspace { $0.verify = nil }
        try await expect(
            workspace, [
                "error: rule 9: mine: has no Verify\n    fix: write: Verify: the command that fails without the change"
            ])
        var entry = try ForkWorkspace.entry("mine")
        entry.verify = "scripts/tset --filter Mine"
        try await workspace.note(entry)
        try await expect(
            workspace, [
                "error: rule 9: mine: its Verify cannot run: there is no program 'scripts/tset'\n"
                    + "    fix: mend: Verify: scripts/tset --filter Mine"
            ])
    }

    @Test("rule 10: what waits for long is a warning")
    func rule10() async throws {
        let workspace = try await workspace { $0.lastUpdate = "2026-05-23" }
        try await expect(
            workspace, [
                "warning: rule 10: mine: is Pending for 181 days, and 180 are usual\n"
                    + "    fix: forktail fork propose mine, or say why not: Inappropriate [reason]"
            ])
        var entry = try ForkWorkspace.entry("mine")
        (entry.status, entry.lastUpdate) = (try UpstreamStatus("Submitted [https://example.org/1]"), "2026-08-22")
        try await workspace.note(entry)
        try await expect(workspace, [])
        entry.lastUpdate = "2026-08-21"
        try await workspace.note(entry)
        try await expect(
            workspace, [
                "warning: rule 10: mine: is Submitted for 91 days, and 90 are usual\n"
                    + "    fix: ask there: https://example.org/1; then write: Last-Update: 2026-11-20"
            ])
    }

    @Test("rule 11: a committed series is what would be exported now", arguments: [false, true])
    func rule11(_ dep3: Bool) async throws {
        let workspace = try await workspace()
        let folder = SeriesFolder(workspace.fork.directory + "/patches")
        try await folder.write(PatchSeries(workspace.repository(), dep3: dep3))
        try await workspace.commit(workspace.fork, "export", [:])
        try await expect(workspace, [])
        try await workspace.change("mine", "FORK: more", ["mine.txt": "2\n"])
        let fix = "\n    fix: forktail fork export patches/, and commit it alone"
        let found = try await workspace.check()
        #expect(found.contains("error: rule 11: patches/: fork-more.patch is missing" + fix))
        #expect(found.contains("error: rule 11: patches/: series differs" + fix))
    }

    @Test("rule 12: what upstream has is not carried on")
    func rule12() async throws {
        let workspace = try await workspace()
        try await workspace.upstream.change(["fetch", "--quiet", workspace.fork.directory, "fork/main"])
        try await workspace.upstream.change(["cherry-pick", "FETCH_HEAD~1"])
        try await workspace.fork.change(["fetch", "--quiet", "upstream"])
        try await expect(
            workspace, [
                "error: rule 12: mine: upstream has this change already\n    fix: forktail fork drop mine"
            ])
        try await workspace.change("mine", "FORK: more", ["mine.txt": "2\n"])
        try await expect(
            workspace, [
                "warning: rule 12: mine: upstream has 1 of its 2 commits already, the first is HASH\n"
                    + "    fix: forktail fork sync upstream/main"
            ])
    }

    @Test("a fork without its remote is refused, and --ci brings it")
    func remote() async throws {
        let workspace = try await workspace()
        try await workspace.fork.change(["remote", "remove", "upstream"])
        let repository = try await workspace.repository()
        await #expect(throws: ForkError.self) { try await workspace.check() }
        try await repository.fetchUpstream()
        try await expect(workspace, [])
    }
}
