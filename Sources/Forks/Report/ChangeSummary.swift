/// One change in a line: what `status`, `log` and `stats` tell of it.
package struct ChangeSummary: Sendable, Hashable, Encodable {
    package let slug: String
    /// nil where UPSTREAM.md has no entry.
    package let kind: String?
    package let status: String?
    package let summary: String?
    package let commits: Int
    /// Lines added and removed.
    package let lines: Int
    /// Days since its first commit.
    package let ageDays: Int
    /// Whether upstream has all of its commits already, by content.
    package let upstreamHasIt: Bool

    init(_ change: Change, today: Day, inUpstream: Set<String>) {
        slug = change.slug
        kind = change.entry?.kind.rawValue
        status = change.entry?.status.description
        summary = change.entry?.summary
        commits = change.commits.count
        lines = change.lineCount
        ageDays = change.commits.compactMap { Day($0.day) }.min().map { today - $0 } ?? 0
        upstreamHasIt = change.commits.allSatisfy { inUpstream.contains($0.hash) }
    }
}
