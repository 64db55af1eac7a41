/// Rules 7, 11 and 12: what a commit says of upstream is true.
extension ForkCheck {
    /// Rule 7: an `UPSTREAM:` commit is the one that it was picked from; a `BACKPORT:` says what was changed.
    func picks() async throws -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for commit in ownCommits {
            let isVerbatim = commit.tags == [.upstream]
            guard isVerbatim || commit.tags == [.backport] else { continue }
            guard let source = commit.pickedFrom else {
                findings.append(
                    CheckFinding(
                        7, place(commit), "does not say which commit of upstream it is",
                        fix: "write: (cherry picked from commit <40 hexadecimal digits>), as git cherry-pick -x does"))
                continue
            }
            if !isVerbatim {
                guard commit.body.firstMatch(of: /(?m)^\[[^\]]+\]\s*$/) == nil else { continue }
                findings.append(
                    CheckFinding(
                        7, place(commit), "does not say what was changed to make it fit",
                        fix: "write a line in brackets: [NAME: what was changed]"))
                continue
            }
            guard try await repository.commit(source) != nil else {
                findings.append(
                    CheckFinding(
                        7, place(commit), "was picked from \(source.prefix(8)), which does not exist here",
                        fix: "git fetch --tags \(ForkRepository.remote)"))
                continue
            }
            let (mine, theirs) = try await (patchID(commit.hash), patchID(source))
            if mine != theirs {
                findings.append(
                    CheckFinding(
                        7, place(commit), "is not the same change as \(source.prefix(8)), which it was picked from",
                        fix: "write: BACKPORT: \(commit.untaggedSubject), and a line in brackets: [NAME: what was changed]"))
            }
        }
        return findings
    }

    /// What a commit does, whatever it stands on.
    private func patchID(_ commit: String) async throws -> String {
        let patch = try await repository.git.read(
            ["diff-tree", "--patch", "--full-index", "--binary", "--root", "--no-ext-diff", commit])
        let line = try await repository.git.read(["patch-id", "--stable"], input: patch.bytes)
        return String(line.text.prefix { $0 != " " })
    }

    /// Rule 11: a series that is committed is what would be exported now.
    func exported() async throws -> [CheckFinding] {
        let names = try await repository.git.read(["ls-tree", "--name-only", "HEAD", "--", "\(PatchSeries.folder)series"])
        guard !names.bytes.isEmpty else { return [] }
        let folder = "\(repository.root)/\(PatchSeries.folder)"
        let fix = "forktail fork export \(PatchSeries.folder), and commit it alone"
        do {
            let folder = SeriesFolder(String(folder.dropLast()))
            let plain = try await folder.differences(from: PatchSeries(repository, dep3: false))
            guard !plain.isEmpty else { return [] }
            let dep3 = try await folder.differences(from: PatchSeries(repository, dep3: true))
            return dep3.isEmpty ? [] : plain.map { CheckFinding(11, PatchSeries.folder, $0, fix: fix) }
        } catch let error as ForkError {
            return error.problems.map { CheckFinding(11, $0) }
        }
    }

    /// Rule 12: what upstream has is not carried on. What was taken from upstream is there, until the base has it too.
    func alreadyUpstream() async throws -> [CheckFinding] {
        let inUpstream = try await repository.commitsInUpstream(header)
        var findings: [CheckFinding] = []
        for change in changes {
            var there = change.commits.filter { inUpstream.contains($0.hash) }
            var taken: [Commit] = []
            for commit in there where commit.tags == [.upstream] || commit.tags == [.backport] {
                guard let source = commit.pickedFrom, try await repository.commit(source) != nil,
                    try await repository.isAncestor(source, of: header.base)
                else {
                    taken.append(commit)
                    continue
                }
            }
            there.removeAll { taken.contains($0) }
            guard let first = there.first else { continue }
            let isWhole = there.count == change.commits.count
            findings.append(
                CheckFinding(
                    12, change.slug,
                    isWhole
                        ? "upstream has this change already"
                        : "upstream has \(there.count) of its \(change.commits.count) commits already, "
                            + "the first is \(first.shortHash)",
                    fix: isWhole
                        ? "forktail fork drop \(change.slug)"
                        : "forktail fork sync \(ForkRepository.trackingBranch(header))", isWarning: !isWhole))
        }
        return findings
    }
}
