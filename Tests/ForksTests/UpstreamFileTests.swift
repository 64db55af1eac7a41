import Forks
import Testing

@Suite("UPSTREAM.md")
struct UpstreamFileTests {
    static let text = """
        # Upstream
        Upstream: https://example.org/forktail.git
        Tracking: main
        Base: v0.4.0 0123456789abcdef0123456789abcdef01234567
        Last-Sync: 2026-11-20
        Strategy: rebase
        Max-Core-Patches: 10
        Proof-Recipe: Examples/tiny.yaml

        What we change, and why.

        - a list

        ## adv-norm
        Summary: advantage norm: with ddof 1
        Kind: core-patch
        Touches: Sources/Core/Tensor.swift, Tests/a b.swift
        Why-Not-Plugin: the loop is in Core
        Upstream-Status: Denied [https://example.org/pull/3: too slow]
        Last-Update: 2026-11-20

        ## grpo-token-kl
        Summary: token-level KL penalty in GRPO
        Kind: plugin-override
        Touches: Plugins/AcmeGRPO
        Replaces: core.trainer.grpo
        Upstream-Status: Submitted [https://example.org/forktail/pull/12]
        Origin: vendor
        Verify: swift test --filter AcmeGRPO
        Numbers: move
        Drop-When: forktail >= 0.5 contains PR 12
        Last-Update: 2026-11-20

        Prose of ours:

        ```
        ## no title
        ```

        """

    @Test("what was printed is read and printed again as it is")
    func fixedPoint() throws {
        let file = try UpstreamFile(parsing: UpstreamFileTests.text)
        #expect(file.text == UpstreamFileTests.text)
        #expect(file.entries.map(\.slug) == ["adv-norm", "grpo-token-kl"])
        #expect(file.header?.baseTag == "v0.4.0")
        #expect(file.header?.proofRecipe == "Examples/tiny.yaml")
        #expect(file["adv-norm"]?.touches == ["Sources/Core/Tensor.swift", "Tests/a b.swift"])
        #expect(file["grpo-token-kl"]?.numbers == .move)
    }

    @Test("fields in another order, spare empty lines and line ends of another system are read, and printed in the usual form")
    func otherForms() throws {
        let lines = UpstreamFileTests.text.split(separator: "\n", omittingEmptySubsequences: false)
        var moved = lines
        moved.swapAt(14, 15)
        moved.swapAt(1, 4)
        moved.insert("", at: 1)
        let file = try UpstreamFile(parsing: moved.joined(separator: "\r\n") + "\n\n\n")
        #expect(file.text == UpstreamFileTests.text)
    }

    @Test("one entry is edited, added and taken out; all prose stays")
    func edits() throws {
        var file = try UpstreamFile(parsing: UpstreamFileTests.text)
        file["adv-norm"]?.status = try UpstreamStatus("Backport [0.5.0]")
        let changed = "Upstream-Status: Denied [https://example.org/pull/3: too slow]"
        #expect(file.text == UpstreamFileTests.text.replacing(changed, with: "Upstream-Status: Backport [0.5.0]"))
        file["adv-norm"] = nil
        var added = try ForkWorkspace.entry("zzz")
        added.prose = "last"
        file["zzz"] = added
        file["aaa"] = try ForkWorkspace.entry("aaa")
        let again = try UpstreamFile(parsing: file.text)
        #expect(again == file)
        #expect(again.entries.map(\.slug) == ["aaa", "grpo-token-kl", "zzz"])
        #expect(again.prose == "What we change, and why.\n\n- a list")
        #expect(again["grpo-token-kl"]?.prose == "Prose of ours:\n\n```\n## no title\n```")
    }

    @Test("upstream's own stub has no header")
    func stub() throws {
        let text = "# Upstream\nUpstream: none\n\nThis is upstream.\n"
        let file = try UpstreamFile(parsing: text)
        #expect(file.header == nil)
        #expect(file.text == text)
    }

    @Test("every problem is told at once, with its line and the corrected line")
    func problems() {
        let text = """
            # Upstream
            Upstream: https://example.org/forktail.git
            tracking = main
            Base: v0.4.0 0123
            Last-Sync: 2026-02-30
            Last-Sync: 2026-02-28
            Max-Core-Patches: some

            ## Adv_Norm
            Sumary: norm
            Kind: corepatch
            Touches: /etc
            Upstream-Stauts: submited (https://example.org/pull/12)
            Verify:
            Colour: green
            Last-Update: today

            ## aaa
            Summary: a
            Kind: docs
            Touches: Docs
            Upstream-Status: Inappropriate
            Last-Update: 2026-11-20
            """
        let error = #expect(throws: ForkError.self) { try UpstreamFile(parsing: text) }
        #expect(
            error?.description == """
                UPSTREAM.md:3: malformed: found 'tracking = main', expected 'Tracking: main'
                    fix: write: Tracking: main
                UPSTREAM.md:4: malformed: found 'Base: v0.4.0 0123', expected a tag and 40 hexadecimal digits, or the digits alone
                UPSTREAM.md:5: malformed: found 'Last-Sync: 2026-02-30', expected a day, YYYY-MM-DD
                UPSTREAM.md:6: Last-Sync is written twice, in line 5 too
                    fix: keep one of the two lines
                UPSTREAM.md:7: malformed: found 'Max-Core-Patches: some', expected a number, 0 or more
                UPSTREAM.md:9: found '## Adv_Norm', expected '## ' and a slug: lower-case words with hyphens
                    fix: write: ## adv-norm
                UPSTREAM.md:10: malformed: found 'Sumary: norm', expected 'Summary: norm'
                    fix: write: Summary: norm
                UPSTREAM.md:11: malformed: found 'Kind: corepatch', expected one of new-plugin, plugin-override, core-patch, build, docs
                    fix: write: Kind: core-patch
                UPSTREAM.md:12: malformed: found 'Touches: /etc', expected files and folders, with ', ' between them
                UPSTREAM.md:13: malformed: found 'Upstream-Stauts: submited (https://example.org/pull/12)', expected 'Upstream-Status: submited (https://example.org/pull/12)'
                    fix: write: Upstream-Status: submited (https://example.org/pull/12)
                UPSTREAM.md:13: malformed Upstream-Status: found 'submited (https://example.org/pull/12)', expected Submitted [https://...]
                    fix: write: Upstream-Status: Submitted [https://example.org/pull/12]
                UPSTREAM.md:14: malformed: found 'Verify:', expected 'Verify: ...'
                    fix: write: Verify: ...
                UPSTREAM.md:15: found 'Colour: green', expected a field of the entry 'Adv_Norm'
                    fix: write one of Summary, Kind, Touches, Replaces, Why-Not-Plugin, Upstream-Status, Origin, Verify, Numbers, Drop-When, Last-Update; prose stands below the fields, after an empty line
                UPSTREAM.md:16: malformed: found 'Last-Update: today', expected a day, YYYY-MM-DD
                UPSTREAM.md:22: malformed Upstream-Status: found 'Inappropriate', expected Inappropriate [reason]
                    fix: write: Upstream-Status: Inappropriate [reason]
                """)
    }

    @Test("missing fields, an entry twice, entries out of order and entries in upstream are told")
    func wholes() {
        let entry = "Summary: a\nKind: docs\nTouches: Docs\nUpstream-Status: Pending [x]\nLast-Update: 2026-11-20\n"
        let text = "# Upstream\nUpstream: none\n\n## b\n\(entry)\n## a\n\(entry)\n## b\nSummary: b\n"
        let error = #expect(throws: ForkError.self) { try UpstreamFile(parsing: text) }
        #expect(
            error?.description == """
                UPSTREAM.md:4: upstream itself has no entries, found 'b'
                    fix: forktail fork init URL
                UPSTREAM.md:11: the entry 'a' stands after 'b', entries are sorted by slug
                    fix: move '## a' above '## b'
                UPSTREAM.md:11: upstream itself has no entries, found 'a'
                    fix: forktail fork init URL
                UPSTREAM.md:18: the change 'b' has an entry in line 4 too
                    fix: keep one of the two entries
                UPSTREAM.md:18: upstream itself has no entries, found 'b'
                    fix: forktail fork init URL
                UPSTREAM.md:18: the entry 'b' has no Kind
                    fix: write: Kind: new-plugin | plugin-override | core-patch | build | docs
                UPSTREAM.md:18: the entry 'b' has no Touches
                    fix: write: Touches: files and folders, with ', ' between them
                UPSTREAM.md:18: the entry 'b' has no Upstream-Status
                    fix: write: Upstream-Status: Pending [what it waits for]
                UPSTREAM.md:18: the entry 'b' has no Last-Update
                    fix: write: Last-Update: a day, YYYY-MM-DD
                """)
    }

    @Test(
        "a status is one of five words and what it is about in brackets",
        arguments: [
            "Pending [a release]", "Submitted [https://example.org/1]", "Backport [0.5.0]", "Inappropriate [our cluster only]",
            "Denied [https://example.org/1: too slow]",
        ])
    func statuses(_ text: String) throws { #expect(try UpstreamStatus(text).description == text) }

    @Test(
        "a status with a slip is corrected",
        arguments: [
            ("pending [x]", "Pending [x]"), ("Pending: a release", "Pending [a release]"), ("Pendng (x)", "Pending [x]"),
            ("SUBMITTED https://example.org/1", "Submitted [https://example.org/1]"), ("Submitted", "Submitted [https://...]"),
            ("Backported [0.5]", "Backport [0.5]"), ("Pending []", "Pending [what it waits for]"),
            ("Inapropriate [ours] ", "Inappropriate [ours]"), ("Pending  [x]", "Pending [x]"), ("Pending [ x]", "Pending [x]"), ("Pending [x ]", "Pending [x]"),
        ])
    func nearStatuses(_ text: String, _ corrected: String) {
        let error = #expect(throws: UpstreamStatus.Malformed.self) { try UpstreamStatus(text) }
        #expect(error?.corrected == corrected)
    }

    @Test("what is no status is told with the forms there are", arguments: ["Accepted [x]", "", "Merged", "[x]", "Pending [[x]]"])
    func noStatuses(_ text: String) {
        let error = #expect(throws: UpstreamStatus.Malformed.self) { try UpstreamStatus(text) }
        #expect(error?.message.contains("found '\(text)', expected ") == true)
    }

    @Test("days are those of the calendar")
    func days() {
        #expect(Day("1970-01-01")?.number == 0)
        #expect(Day("2000-03-01")?.number == 11_017)
        for number in stride(from: -100_000, to: 100_000, by: 37) {
            let day = Day(number: number)
            #expect(Day(day.description)?.number == number)
        }
        for text in ["2026-02-29", "2026-13-01", "2026-1-1", "2026-04-31", "", "2026-00-10", "2026-01-00"] {
            #expect(Day(text) == nil)
        }
        #expect(Day("2024-03-01")! - Day("2024-02-28")! == 2)
    }
}
