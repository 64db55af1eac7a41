/// A series and where it is to go.
struct ReplayRequest: Codable, Sendable, Hashable {
    /// What the series stands on now.
    let base: NamedCommit
    /// What it is to stand on.
    let target: NamedCommit
    /// The series' last commit.
    let tip: String
    let steps: [ReplayStep]
    /// Commits whose patch upstream has, by `git cherry`.
    let merged: Set<String>
    /// The change that is taken out, where one is.
    var dropped: String?

    /// The changes of which no commit is left, once `done` is what became of the first steps.
    ///
    /// A change with commits still to come is not among them.
    func gone(after done: [ReplayedCommit]) -> Set<String> {
        let kept = done.filter { $0.isChange && $0.fate.isKept }.compactMap(\.slug)
        let coming = steps.dropFirst(done.count).filter { $0.kind == .change && $0.slug != dropped }.compactMap(\.slug)
        let seen = done.filter(\.isChange).compactMap(\.slug)
        return Set(seen).union(dropped.map { [$0] } ?? []).subtracting(kept).subtracting(coming)
    }
}

/// A commit and what it is called.
package struct NamedCommit: Codable, Sendable, Hashable, CustomStringConvertible {
    /// A tag or a branch; nil where it is known by its digits alone.
    package let name: String?
    /// 40 hexadecimal digits.
    package let commit: String

    package init(name: String?, commit: String) { (self.name, self.commit) = (name, commit) }

    /// The name, or the first digits.
    package var short: String { name ?? String(commit.prefix(10)) }

    package var description: String { String(commit.prefix(10)) + (name.map { " \($0)" } ?? "") }
}
