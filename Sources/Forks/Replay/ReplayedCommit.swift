/// What became, or would become, of one commit of a series on another base.
package struct ReplayedCommit: Codable, Sendable, Hashable {
    /// 40 hexadecimal digits: the commit as it was.
    package let commit: String
    package let subject: String
    /// The change that it belongs to.
    package let slug: String?
    package var fate: Fate
    /// The files in conflict, where there was one.
    package var files: [ConflictFile] = []

    /// The ways that a commit can go.
    package enum Fate: String, Codable, Sendable, CaseIterable {
        /// It applies as it is.
        case clean
        /// Upstream took it and took it back, so it applies again.
        case returned
        /// It does not apply; a forecast leaves it out and goes on.
        case conflict
        /// It did not apply, and was carried over by hand.
        case resolved
        /// It did not apply, and was left out on request.
        case skipped
        /// Upstream has the same patch: left out.
        case upstream
        /// Nothing is left of it, upstream has its effect in another form: left out.
        case reworked
        /// It belongs to the change that is dropped: left out.
        case dropped
        /// It changes UPSTREAM.md alone.
        case notes
        /// The note of an earlier sync: left out, the next one says the same.
        case superseded

        /// Whether the commit is part of the new series.
        package var isKept: Bool {
            switch self {
            case .clean, .returned, .resolved, .notes: true
            case .conflict, .skipped, .upstream, .reworked, .dropped, .superseded: false
            }
        }
    }

    init(_ step: ReplayStep, _ fate: Fate, files: [ConflictFile] = []) {
        (commit, subject, slug) = (step.commit, step.subject, step.slug)
        (self.fate, self.files) = (fate, files)
    }

    /// Whether it says something of a change: notes do not.
    package var isChange: Bool { fate != .notes && fate != .superseded }
}

/// A file that both sides changed.
package struct ConflictFile: Codable, Sendable, Hashable {
    package let path: String
    /// Upstream's last commit that changed it; nil where upstream did not, and the commit builds on one that is left out.
    package let upstream: CommitLine?
}

/// A commit in a line.
package struct CommitLine: Codable, Sendable, Hashable, CustomStringConvertible {
    /// Shortened as git does.
    package let commit: String
    package let subject: String

    package var description: String { "\(commit) \"\(subject)\"" }
}
