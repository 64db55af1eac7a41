/// The fork's commits, by change.
package struct LogReport: Sendable, Hashable, Encodable {
    package let groups: [Group]

    /// The commits of one change.
    package struct Group: Sendable, Hashable, Encodable {
        /// nil for commits that name no change: notes, merges, and what `forktail fork check` will not accept.
        package let slug: String?
        package let status: String?
        package let summary: String?
        package let commits: [Line]
    }

    /// One commit.
    package struct Line: Sendable, Hashable, Encodable {
        package let hash: String
        package let day: String
        package let author: String
        package let subject: String
    }

    /// - Throws: `ForkError` when UPSTREAM.md or the base is not there.
    package init(_ repository: ForkRepository) async throws {
        let (file, header) = try repository.fork()
        try await repository.requireBase(header)
        let series = try await repository.series(header)
        let changes = series.changes(file)
        let placed = Set(changes.flatMap { $0.commits.map(\.hash) })
        let rest = series.commits.filter { !placed.contains($0.hash) }.map(LogReport.line)
        groups =
            changes.map { change in
                Group(
                    slug: change.slug, status: change.entry?.status.description, summary: change.entry?.summary,
                    commits: change.commits.map(LogReport.line))
            } + (rest.isEmpty ? [] : [Group(slug: nil, status: nil, summary: nil, commits: rest)])
    }

    private static func line(_ commit: Commit) -> Line {
        Line(hash: commit.hash, day: commit.day, author: commit.author, subject: commit.subject)
    }
}
