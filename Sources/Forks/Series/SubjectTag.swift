/// The first word of a commit's subject: where the commit comes from.
package enum SubjectTag: String, Sendable, Hashable, CaseIterable {
    /// Upstream's commit as it is.
    case upstream = "UPSTREAM"
    /// Upstream's commit, changed to fit.
    case backport = "BACKPORT"
    /// From a pull request that upstream has not taken yet.
    case fromPullRequest = "FROMPR"
    /// The fork's own.
    case fork = "FORK"

    /// The tag of commits that touch nothing but UPSTREAM.md.
    package static let notes = "NOTES"
}
