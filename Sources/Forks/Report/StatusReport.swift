/// Where a fork stands: its base, how far it and upstream have gone since, and its changes.
package struct StatusReport: Sendable, Hashable, Encodable {
    package let upstream: String
    package let tracking: String
    package let base: String
    package let baseTag: String?
    package let lastSync: String
    /// The branch that is checked out; nil when HEAD is detached.
    package let branch: String?
    /// Commits of the fork since the base.
    package let ahead: Int
    /// Commits of upstream since the base.
    package let behind: Int
    package let changes: [ChangeSummary]
    /// Sentences about what wants attention, each with what mends it.
    package let notices: [String]

    /// Looks at a repository. Nothing is fetched: upstream is what was fetched last.
    /// - Throws: `ForkError` when UPSTREAM.md, the remote or the base is not there.
    package init(_ repository: ForkRepository, today: Day) async throws {
        let (file, header) = try repository.fork()
        try await repository.requireUpstream(header)
        try await repository.requireBase(header)
        let tracking = ForkRepository.trackingBranch(header)
        let series = try await repository.series(header)
        let inUpstream = try await repository.commitsInUpstream(header)
        (upstream, self.tracking, base, baseTag) = (header.upstream, header.tracking, header.base, header.baseTag)
        lastSync = header.lastSync
        branch = try await repository.branch()
        ahead = series.commits.count
        behind = Int(try await repository.git.read(["rev-list", "--count", "\(header.base)..\(tracking)"]).text) ?? 0
        changes = series.changes(file).map { ChangeSummary($0, today: today, inUpstream: inUpstream) }
        notices = try await StatusReport.notices(repository, header, changes, branch: branch)
    }

    private static func notices(
        _ repository: ForkRepository, _ header: UpstreamHeader, _ changes: [ChangeSummary], branch: String?
    ) async throws -> [String] {
        var notices: [ForkProblem] = []
        if let problem = try await repository.rewriteProblem(header) { notices.append(problem) }
        if branch == nil {
            notices.append(ForkProblem("", "HEAD is detached; a fork's commits need a branch", fix: "git switch -c fork/main"))
        }
        let changed = try await repository.changedPaths()
        if !changed.isEmpty {
            notices.append(
                ForkProblem("", "files with changes that are not committed: \(changed.count)", fix: "git commit -a, or git stash"))
        }
        for change in changes where change.upstreamHasIt {
            notices.append(
                ForkProblem(change.slug, "upstream has this change already", fix: "forktail fork drop \(change.slug)"))
        }
        return notices.map(\.description)
    }
}

extension ForkRepository {
    /// The fork's commits whose content upstream's branch has too, by `git cherry`.
    package func commitsInUpstream(_ header: UpstreamHeader) async throws -> Set<String> {
        let rows = try await git.read(["cherry", ForkRepository.trackingBranch(header), "HEAD", header.base]).lines
        return Set(rows.filter { $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) })
    }
}
