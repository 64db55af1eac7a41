/// One change as upstream would see it: on top of upstream's branch, with nothing else of the fork.
package struct Proposal: Sendable {
    package let slug: String
    /// The subject of the change's first commit, without the fork's tags.
    package let title: String
    /// The branch that holds it.
    package let branch: String
    /// What it stands on.
    package let base: NamedCommit
    /// The last commit.
    package let tip: String
    /// What its own command said, with nothing else of the fork.
    package let proof: ChangeProof
    /// Lines that still name the fork, as "file: line".
    package let leftovers: [String]
    /// Files of the change that are not sent: they are the fork's own.
    package let kept: [String]
    /// The tag that keeps what the branch was before; nil where it is new or the same.
    package let backup: String?
    /// The text of the pull request.
    package let text: String

    /// How it went.
    package enum Outcome: Sendable {
        case ready(Proposal)
        /// The change does not apply to upstream's branch.
        case conflict(ReplayedCommit, upstream: NamedCommit)
        /// Nothing is left of the change on upstream's branch.
        case alreadyUpstream(NamedCommit)
        /// With nothing else of the fork, the change's own command fails.
        case failing(ChangeProof, upstream: NamedCommit)
    }

    /// Makes the branch `propose/SLUG`.
    package static func make(_ repository: ForkRepository, _ slug: String) async throws -> Outcome {
        _ = try await repository.requireBranch()
        try await repository.requireClean()
        let (file, header) = try repository.fork()
        try await repository.requireUpstream(header)
        try await repository.requireBase(header)
        try await repository.requireChange(slug, header)
        let changes = try await repository.series(header).changes(file)
        guard let entry = file[slug], let change = changes.first(where: { $0.slug == slug }) else {
            throw ForkError(
                slug, file[slug] == nil ? "the change has no entry in UPSTREAM.md" : "the change has no commit",
                fix: "forktail fork check, which says what belongs together")
        }
        let name = ForkRepository.trackingBranch(header)
        guard let commit = try await repository.commit("refs/remotes/\(name)") else {
            throw ForkError("", "there is no branch \(name) here", fix: "git fetch \(ForkRepository.remote)")
        }
        let base = NamedCommit(name: name, commit: commit)
        return try await ScratchClone.with(repository.git, at: commit) { scratch in
            let draft = ProposalDraft(scratch: scratch, change: change, entry: entry, base: base, repository: repository)
            return try await draft.make()
        }
    }
}
