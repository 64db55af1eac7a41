/// What a user needs to know at a conflict: both sides, and what shows that the change still works.
package struct ConflictCard: Sendable, Hashable {
    /// The place of the commit in the series, from 1.
    package let place: Int
    /// The commits of the series.
    package let count: Int
    package let row: ReplayedCommit
    /// What UPSTREAM.md says of the change.
    package let entry: UpstreamEntry?
    /// The files that rerere has resolved as they were resolved before; they only need to be looked at and added.
    package let remembered: Set<String>
    /// The command that is under way: `forktail fork sync`.
    package let command: String

    /// The card, for a terminal.
    package var text: String {
        let width = row.files.map(\.path.count).max() ?? 0
        let files = row.files.map { file in
            let path = file.path + String(repeating: " ", count: width - file.path.count)
            let theirs = file.upstream.map { "upstream \($0)" }
                ?? "not changed upstream: builds on a commit that was left out"
            return "  \(path)  \(theirs)" + (remembered.contains(file.path) ? "; resolved as before, look at it" : "")
        }
        return ([
            "conflict in \(place) of \(count): \(row.commit.prefix(8)) \"\(row.subject)\"" + (row.slug.map { " (\($0))" } ?? "")
        ] + files + [
            entry.map { "  ours     \($0.summary)" },
            entry?.verify.map { "  verify   \($0)" },
            "resolve the files and git add them: \(command) --continue",
            "leave the commit out:               \(command) --skip",
            "back to where it began:             \(command) --abort",
        ].compactMap { $0 }).joined(separator: "\n")
    }
}
