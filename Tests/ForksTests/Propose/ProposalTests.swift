import Forks
import Testing

struct ProposalTests {
    private static let lines = (1...12).map { "line \($0)\n" }.joined()

    private func fork(verify: String = "grep -q clamped Sources/A") async throws -> TestFork {
        let lines = ProposalTests.lines
        let fork = try await TestFork(["Sources/A": lines, "Sources/B": lines])
        try await fork.change("other", "something else", ["Sources/B": lines + "other\n"])
        try await fork.entry("other")
        try await fork.change(
            "clamp", "core: clamp line 2", ["Sources/A": lines.replacing("line 2\n", with: "clamped\n")],
            body: "Motivation:\nIt overflows.\n\nModifications:\nClamp it.\n\nResult:\nIt does not.\n\nSigned-off-by: Ann <ann@example.org>")
        try await fork.entry("clamp", summary: "clamp the second line", verify: verify, numbers: .identical)
        return fork
    }

    private func ready(_ outcome: Proposal.Outcome) throws -> Proposal {
        guard case .ready(let proposal) = outcome else { throw Otherwise(outcome: outcome) }
        return proposal
    }

    private struct Otherwise: Error {
        let outcome: Proposal.Outcome
    }

    @Test func `a proposal is one change on upstream's branch, without a word of the fork`() async throws {
        let fork = try await fork()
        try await fork.upstream { try fork.write(["Sources/C": "new\n"]); try await fork.commit("go on") }
        let before = try await fork.repository.branch()
        let proposal = try ready(try await Proposal.make(try await fork.repository, "clamp"))
        #expect(proposal.branch == "propose/clamp" && proposal.title == "core: clamp line 2")
        #expect(try await fork.head("propose/clamp") == proposal.tip)
        #expect(try await fork.head("propose/clamp~1") == fork.head("upstream/main"))
        #expect(try await fork.repository.branch() == before)
        #expect(
            try await fork.git.read(["log", "-1", "--format=%an|%B", "propose/clamp"]).text == """
                Ann Example|core: clamp line 2

                Motivation:
                It overflows.

                Modifications:
                Clamp it.

                Result:
                It does not.

                Signed-off-by: Ann <ann@example.org>
                """)
        #expect(try await fork.git.read(["diff", "--name-only", "upstream/main", "propose/clamp"]).lines == ["Sources/A"])
        let base = try await fork.head("upstream/main").prefix(10)
        #expect(
            proposal.text == """
                core: clamp line 2

                Motivation:

                It overflows.

                Modifications:

                Clamp it.

                 Sources/A | 2 +-
                 1 file changed, 1 insertion(+), 1 deletion(-)

                Result:

                It does not.
                `grep -q clamped Sources/A` passes on \(base) upstream/main with this change alone.
                Losses stay the same to the last digit.
                """)
        #expect(proposal.leftovers == [] && proposal.backup == nil)
        #expect(proposal.checklist.split(separator: "\n").map { $0.prefix(5) } == ["- [ ]", "- [x]", "- [x]"] + Array(repeating: "- [ ]", count: 6))
    }

    @Test func `proposing again makes the same branch; another one is kept by a tag`() async throws {
        let fork = try await fork()
        let first = try ready(try await Proposal.make(try await fork.repository, "clamp"))
        let again = try ready(try await Proposal.make(try await fork.repository, "clamp"))
        #expect(again.backup == nil)
        let kept = try await fork.head("propose/clamp")
        try await fork.change("clamp", "more of it", ["Sources/A": try fork.text("Sources/A") + "end\n"])
        let changed = try ready(try await Proposal.make(try await fork.repository, "clamp"))
        #expect(changed.backup == "fork/propose/clamp-1")
        #expect(try await fork.head("fork/propose/clamp-1") == kept)
        #expect(changed.title == "clamp the second line" && first.title == "core: clamp line 2")
        #expect(changed.text.contains("- core: clamp line 2\n- more of it\n"))
    }

    @Test func `a change that needs the rest of the fork fails alone, and no branch is made`() async throws {
        let fork = try await fork(verify: "grep -q other Sources/B || { echo B is bare; exit 1; }")
        guard case .failing(let proof, _) = try await Proposal.make(try await fork.repository, "clamp") else {
            Issue.record("it should fail")
            return
        }
        #expect(proof.status == 1 && proof.tail == "B is bare")
        #expect(try await fork.repository.commit("refs/heads/propose/clamp") == nil)
    }

    @Test func `what does not apply, or is there already, is told and no branch is made`() async throws {
        let fork = try await fork()
        try await fork.upstream {
            try fork.write(["Sources/A": ProposalTests.lines.replacing("line 2\n", with: "theirs\n")])
            try await fork.commit("rework")
        }
        guard case .conflict(let row, let upstream) = try await Proposal.make(try await fork.repository, "clamp") else {
            Issue.record("it should be in conflict")
            return
        }
        #expect(row.files.map(\.path) == ["Sources/A"] && row.files.first?.upstream?.subject == "rework")
        #expect(upstream.name == "upstream/main")
        try await fork.upstream {
            try fork.write(["Sources/A": ProposalTests.lines.replacing("line 2\n", with: "clamped\n")])
            try await fork.commit("take it")
        }
        guard case .alreadyUpstream = try await Proposal.make(try await fork.repository, "clamp") else {
            Issue.record("it should be there")
            return
        }
        #expect(try await fork.repository.commit("refs/heads/propose/clamp") == nil)
    }

    @Test func `names of the fork that are left are listed`() async throws {
        let fork = try await fork()
        try await fork.change("mine", "a plugin", ["Plugins/Mine/plugin.json": #"{"id": "acme.trainer.mine"}"#])
        try await fork.entry("mine")
        try await fork.change("clamp", "for Acme's runs", ["Sources/A": try fork.text("Sources/A") + "// acme needs it\n"])
        let proposal = try ready(try await Proposal.make(try await fork.repository, "clamp"))
        #expect(proposal.leftovers == ["Sources/A: // acme needs it", "message: for Acme's runs"])
        #expect(proposal.checklist.contains("- [ ] No names, ids, paths or trailers of the fork"))
    }

    @Test func `what a copied plugin changes becomes a change of its parent`() async throws {
        let fork = try await TestFork([
            "Plugins/Trainers/GRPO/plugin.json": #"{"id": "core.trainer.grpo"}"#,
            "Plugins/Trainers/GRPO/GRPO.swift": ProposalTests.lines,
        ])
        let tree = try await fork.head("HEAD:Plugins/Trainers/GRPO")
        let manifest =
            #"{"id": "acme.trainer.grpo", "lineage": [{"id": "core.trainer.grpo", "version": "0.1.0", "tree": "\#(tree)"}]}"#
        try await fork.change(
            "kl", "copy grpo",
            ["Plugins/Acme/GRPO/plugin.json": manifest, "Plugins/Acme/GRPO/GRPO.swift": ProposalTests.lines])
        try await fork.change(
            "kl", "token-level KL",
            [
                "Plugins/Acme/GRPO/GRPO.swift": ProposalTests.lines.replacing("line 5\n", with: "token kl\n"),
                "Examples/acme.yaml": "trainer: acme.trainer.grpo\n",
            ])
        try await fork.entry("kl", summary: "grpo: token-level KL", kind: .pluginOverride)
        try await fork.upstream {
            try fork.write(["Plugins/Trainers/GRPO/GRPO.swift": "theirs\n" + ProposalTests.lines])
            try await fork.commit("go on")
        }
        let proposal = try ready(try await Proposal.make(try await fork.repository, "kl"))
        #expect(
            try await fork.git.read(["diff", "--name-only", "upstream/main", "propose/kl"]).lines
                == ["Plugins/Trainers/GRPO/GRPO.swift"])
        #expect(
            try await fork.git.read(["show", "propose/kl:Plugins/Trainers/GRPO/GRPO.swift"]).text + "\n"
                == "theirs\n" + ProposalTests.lines.replacing("line 5\n", with: "token kl\n"))
        #expect(try await fork.git.read(["log", "-1", "--format=%s", "propose/kl"]).text == "grpo: token-level KL")
        #expect(proposal.kept == ["Examples/acme.yaml", "Plugins/Acme/GRPO/plugin.json"])
    }
}
