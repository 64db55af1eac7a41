/// The rules that a fork keeps, so that it can be carried to the next version of upstream (Docs/forks.md).
package struct ForkCheck: Sendable {
    let repository: ForkRepository
    let file: UpstreamFile
    let header: UpstreamHeader
    let series: Series
    let changes: [Change]
    let today: Day

    /// Checks a repository.
    /// - Returns: what was found by rule; nothing in upstream itself, whose UPSTREAM.md says so.
    /// - Throws: `ForkError` when there is no UPSTREAM.md, or upstream's branch was never fetched.
    package static func run(_ repository: ForkRepository, today: Day) async throws -> [CheckFinding] {
        let file: UpstreamFile
        do {
            file = try repository.upstreamFile()
        } catch let error as ForkError where error.problems.allSatisfy({ $0.place.hasPrefix(UpstreamFile.name) }) {
            return error.problems.map { CheckFinding(4, $0) }
        }
        guard let header = file.header else { return [] }
        try await repository.requireUpstream(header)
        let bases = try await repository.baseProblems(header)
        // Without a base below HEAD there is no series to look at.
        guard try await repository.hasBase(header) else { return bases.map { CheckFinding(1, $0) } }
        let series = try await repository.series(header)
        let check = ForkCheck(
            repository: repository, file: file, header: header, series: series, changes: series.changes(file),
            today: today)
        var findings = bases.map { CheckFinding(1, $0) }
        if let rewritten = try await repository.rewriteProblem(header) { findings.append(CheckFinding(1, rewritten)) }
        findings += check.commits() + check.bijection() + check.grammar()
        findings += try await check.places() + check.kinds() + check.picks() + check.plugins() + check.verify()
        findings += try await check.ages() + check.exported() + check.alreadyUpstream()
        return findings.enumerated().sorted { ($0.element.rule, $0.offset) < ($1.element.rule, $1.offset) }.map(\.element)
    }

    /// The commits that must say where they come from and which change they belong to.
    var ownCommits: [Commit] { series.commits.filter { !$0.isMerge && !$0.isNotesOnly && !$0.isSeriesOnly } }

    /// How messages call a commit.
    func place(_ commit: Commit) -> String { "\(commit.shortHash) '\(commit.subject)'" }
}

extension ForkRepository {
    /// Whether the base exists and is below HEAD.
    fileprivate func hasBase(_ header: UpstreamHeader) async throws -> Bool {
        guard try await commit(header.base) == header.base else { return false }
        return try await isAncestor(header.base, of: "HEAD")
    }
}
