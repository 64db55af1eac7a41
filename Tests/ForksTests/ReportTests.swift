import Forks
import Testing

@Suite("status, log, diff and stats of a fork")
struct ReportTests {
    private func workspace() async throws -> ForkWorkspace {
        let workspace = try await ForkWorkspace()
        try await workspace.change("thing", "FORK: core: a thing", ["Sources/Core/Thing.swift": "let other = 1\n"])
        var entry = try ForkWorkspace.entry("thing", touches: ["Sources/Core"])
        (entry.kind, entry.whyNotPlugin) = (.corePatch, "it is in Core")
        try await workspace.note(entry)
        try await workspace.change("mine", "FORK: mine", ["mine.txt": "1\n2\n", "Plugins/Trainers/DPO/DPO.swift": "let beta = 0.2\n"])
        return workspace
    }

    @Test("status tells ahead, behind, changes and what upstream has")
    func status() async throws {
        let workspace = try await workspace()
        let repository = try await workspace.repository()
        try await workspace.upstream.change(["fetch", "--quiet", workspace.fork.directory, "fork/main"])
        try await workspace.upstream.change(["cherry-pick", "FETCH_HEAD"])
        try await workspace.commit(workspace.upstream, "core: on", ["README.md": "on\n"])
        try await workspace.fork.change(["fetch", "--quiet", "upstream"])
        let report = try await StatusReport(repository, today: ForkWorkspace.today)
        #expect(report.ahead == 4)
        #expect(report.behind == 2)
        #expect(report.branch == "fork/main")
        #expect(report.changes.map(\.slug) == ["thing", "mine"])
        #expect(report.changes.map(\.lines) == [21, 4])
        #expect(report.changes.map(\.upstreamHasIt) == [false, true])
        #expect(report.changes.map(\.kind) == ["core-patch", nil])
        #expect(report.notices == ["mine: upstream has this change already\n    fix: forktail fork drop mine"])
    }

    @Test("the log groups commits by change, what names none comes last")
    func log() async throws {
        let report = try await LogReport(workspace().repository())
        #expect(report.groups.map(\.slug) == ["thing", "mine", nil])
        #expect(report.groups.map { $0.commits.count } == [1, 1, 2])
    }

    @Test("the difference is told by part of the tree, of all changes or of one")
    func diff() async throws {
        let repository = try await workspace().repository()
        let whole = try await DiffReport(repository, slug: nil, table: false)
        #expect(whole.areas.map(\.area) == [.plugins, .core, .other])
        #expect(whole.areas[1].text.contains("+let other = 1"))
        #expect(whole.areas[1].files.map(\.path) == ["Sources/Core/Thing.swift"])
        #expect(whole.areas[1].files.map { [$0.added, $0.removed] } == [[1, 20]])
        let one = try await DiffReport(repository, slug: "mine", table: true)
        #expect(one.areas.flatMap { $0.files.map(\.path) } == ["Plugins/Trainers/DPO/DPO.swift", "mine.txt"])
        #expect(one.areas[1].text.contains("1 file changed, 2 insertions(+)"))
    }

    @Test("stats count changes, lines, core lines, kinds and statuses")
    func stats() async throws {
        let workspace = try await workspace()
        let report = try await StatsReport(workspace.repository(), today: ForkWorkspace.today)
        #expect(report.changes == 2)
        #expect(report.commits == 2)
        #expect(report.lines == 25)
        #expect(report.coreLines == 21)
        #expect(report.corePatches == 1)
        #expect(report.byStatus == ["Pending": 1])
        #expect(report.byKind == ["core-patch": 1])
    }
}
