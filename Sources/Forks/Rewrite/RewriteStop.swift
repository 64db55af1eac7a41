/// Where a rewriting of the fork's branch stopped.
package enum RewriteStop: Sendable {
    /// A commit does not apply; the user decides.
    case conflict(ConflictCard)
    /// The new series is there, and something about it is not as it should be; the user decides.
    case unproven(RewriteReport)
    /// The branch has moved.
    case done(RewriteReport)
    /// There was nothing to do.
    case nothing(String)
}

/// What a rewriting came to.
package struct RewriteReport: Sendable {
    /// What became of each commit of the old series.
    package let rows: [ReplayedCommit]
    package let oldBase: NamedCommit
    package let newBase: NamedCommit
    package let oldTip: String
    package let newTip: String
    /// The tag that keeps the old tip.
    package let backup: String
    package let branch: String
    /// Changes of which nothing is left, whose entries went too.
    package let gone: [String]
    /// What `git range-diff` says of the old series and the new one.
    package let rangeDiff: String
    /// What the commands that verify each change said.
    package internal(set) var proofs: [ChangeProof] = []
    /// What the recipe of the header says about the losses, where there is one.
    package internal(set) var losses: LossProof?
    /// The command that is under way: `forktail fork sync`.
    package let command: String

    /// Whether every proof holds.
    package var isProven: Bool { proofs.allSatisfy(\.isFine) && losses?.isFine != false }
}
