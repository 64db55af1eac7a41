extension ReplayRequest {
    /// The request to carry the fork's series over to `target`.
    /// - Throws: `ForkError` when the series is not a line of commits.
    static func read(
        _ repository: ForkRepository, _ header: UpstreamHeader, target: NamedCommit, dropped: String? = nil
    ) async throws -> ReplayRequest {
        let git = repository.git
        let tip = try await git.read(["rev-parse", "HEAD"]).text
        let series = try await repository.series(header, to: tip)
        if let merge = series.commits.first(where: \.isMerge) {
            throw ForkError(
                merge.shortHash, "'\(merge.subject)' is a merge; a series is a line of commits on top of its base",
                fix: "git rebase \(header.base.prefix(10)), which makes it one, after git tag before-rebase")
        }
        // "-" is a commit whose patch upstream has.
        let cherry = try await git.read(["cherry", target.commit, tip, header.base])
        return ReplayRequest(
            base: NamedCommit(name: header.baseTag, commit: header.base), target: target, tip: tip,
            steps: series.commits.map(ReplayStep.init),
            merged: Set(cherry.lines.filter { $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }), dropped: dropped)
    }
}

extension ReplayStep {
    init(_ commit: Commit) {
        (self.commit, subject, slug) = (commit.hash, commit.subject, commit.slug)
        kind = !commit.isNotesOnly ? .change : commit.subject.hasPrefix(ReplayStep.syncNote) ? .syncNote : .notes
    }

    /// How the subject of a sync's own note begins.
    static let syncNote = "\(SubjectTag.notes): sync "
}
