/// One change of a fork: its commits, and what UPSTREAM.md says of it.
package struct Change: Sendable, Hashable {
    package let slug: String
    /// Its commits, oldest first, without those of notes.
    package let commits: [Commit]
    /// nil when UPSTREAM.md has none.
    package let entry: UpstreamEntry?

    /// Lines added and removed by its commits together.
    package var lineCount: Int { commits.flatMap(\.files).reduce(0) { $0 + $1.added + $1.removed } }

    /// The files of its commits, sorted.
    package var paths: [String] { Set(commits.flatMap { $0.files.map(\.path) }).sorted() }
}
