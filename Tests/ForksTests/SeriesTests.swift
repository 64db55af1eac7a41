import Forks
import Testing

@Suite("the series of a fork")
struct SeriesTests {
    @Test("commits are read with their tags, trailers and files, whatever the names are")
    func commits() async throws {
        let workspace = try await ForkWorkspace()
        let picked = String(repeating: "ab", count: 20)
        try await workspace.change(
            "one", "BACKPORT: FROMPR: core: a|b", ["mine \u{E9}\t.txt": "1\n2\n", "README.md": nil, "moved.md": "read me\n"],
            body: "Words.\n\n(cherry picked from commit \(picked))\n[Ada: changed]")
        try await workspace.note(ForkWorkspace.entry("one"))
        try await workspace.change("two", "FORK: empty", [:])
        try await workspace.commit(workspace.fork, "FORK: no trailers", ["mine.txt": "x"])
        try await workspace.change("one", "FORK: again", ["mine.txt": "y"])
        let repository = try await workspace.repository()
        let (file, header) = try repository.fork()
        let series = try await repository.series(header)
        #expect(series.commits.map(\.subject) == [
            "NOTES: a fork of \(workspace.upstream.directory)", "BACKPORT: FROMPR: core: a|b", "NOTES: one", "FORK: empty",
            "FORK: no trailers", "FORK: again",
        ])
        #expect(series.commits.map(\.isNotesOnly) == [true, false, true, false, false, false])
        let commit = series.commits[1]
        #expect(commit.tags == [.backport, .fromPullRequest])
        #expect(commit.untaggedSubject == "core: a|b")
        #expect(commit.pickedFrom == picked)
        #expect(commit.author == "Ada Example <ada@example.org>")
        #expect(commit.files.map(\.path) == ["README.md", "mine \u{E9}\t.txt", "moved.md"])
        #expect(commit.files.map(\.added) == [0, 2, 1])
        #expect(commit.files.map(\.removed) == [1, 0, 0])
        #expect(commit.statuses == ["Pending [a second look]"])
        let changes = series.changes(file)
        #expect(changes.map(\.slug) == ["one", "two"])
        #expect(changes[0].commits.map(\.subject) == ["BACKPORT: FROMPR: core: a|b", "FORK: again"])
        #expect(changes[0].lineCount == 6)
        #expect(changes[0].paths == ["README.md", "mine \u{E9}\t.txt", "mine.txt", "moved.md"])
        #expect(changes.map { $0.entry != nil } == [true, false])
    }

    @Test("a fork without commits has an empty series")
    func empty() async throws {
        let workspace = try await ForkWorkspace()
        let series = try await Series.read(workspace.fork, from: "HEAD")
        #expect(series.commits.isEmpty)
    }

    @Test("an unknown change is refused with the nearest name")
    func unknown() async throws {
        let workspace = try await ForkWorkspace()
        try await workspace.change("token-kl", "FORK: x", ["mine.txt": "x"])
        let repository = try await workspace.repository()
        let error = await #expect(throws: ForkError.self) {
            try await DiffReport(repository, slug: "tokn-kl", table: false)
        }
        #expect(error?.description == "no change 'tokn-kl'; did you mean 'token-kl'?\n    fix: forktail fork log")
    }
}
