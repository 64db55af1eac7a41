extension ForkRepository {
    /// The commit of upstream that a name means.
    /// - Throws: `ForkError` when there is none, or when it is older than the base.
    func target(_ name: String, _ header: UpstreamHeader) async throws -> NamedCommit {
        guard let commit = try await commit(name) else {
            throw ForkError(
                "", "there is no tag, branch or commit '\(name)' here", fix: "git fetch --tags \(ForkRepository.remote)")
        }
        if commit != header.base, try await isAncestor(commit, of: header.base) {
            let base = NamedCommit(name: header.baseTag, commit: header.base)
            throw ForkError(
                "", "\(name) is older than the base \(base.short); a fork goes forward",
                fix: "forktail fork plan \(ForkRepository.trackingBranch(header))")
        }
        return NamedCommit(name: name, commit: commit)
    }

    /// - Throws: `ForkError` when the fork has no such change.
    func requireChange(_ slug: String, _ header: UpstreamHeader) async throws {
        let slugs = Set(try await series(header).commits.flatMap(\.slugs) + upstreamFile().entries.map(\.slug)).sorted()
        guard !slugs.contains(slug) else { return }
        let near = Spelling.nearest(slug, in: slugs).map { "; did you mean '\($0)'?" } ?? ""
        throw ForkError("", "the fork has no change '\(slug)'\(near)", fix: "forktail fork status, which lists them")
    }

    /// - Throws: `ForkError` when a merge, a pick or a revert of the user's is not finished.
    func requireNothingUnderWay() async throws {
        for (ref, verb) in [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")] {
            if try await git.run(["rev-parse", "-q", "--verify", ref]).status == 0 {
                throw ForkError("", "a git \(verb) is not finished", fix: "git \(verb) --continue, or git \(verb) --abort")
            }
        }
    }
}
