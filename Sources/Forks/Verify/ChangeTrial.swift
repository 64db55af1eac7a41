/// Whether the command that verifies a change tells its presence from its absence.
package struct ChangeTrial: Sendable, Hashable {
    package let slug: String
    /// nil where the entry has no `Verify`.
    package let command: String?
    package let verdict: Verdict

    package enum Verdict: Sendable, Hashable {
        /// It passes with the change and fails without it; the end of what it printed then.
        case proven(String)
        /// It fails with the change; the end of what it printed.
        case fails(String)
        /// It passes without the change too, so it shows nothing.
        case passesWithout
        /// The change cannot be taken out alone: this commit builds on it.
        case entangled(ReplayedCommit)
        case noCommand
    }

    package var isProven: Bool {
        if case .proven = verdict { true } else { false }
    }
}
