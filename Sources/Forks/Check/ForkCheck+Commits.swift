/// Rules 2 to 4: what commits and entries say, and that they belong together.
extension ForkCheck {
    /// Rule 2: every commit has one subject tag, one status and one change; notes are commits of their own.
    func commits() -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for commit in series.commits where commit.isMerge {
            findings.append(
                CheckFinding(
                    2, place(commit), "is a merge; a fork is one line of commits on its base",
                    fix: "git rebase \(header.base.prefix(8))", isWarning: true))
        }
        for commit in ownCommits {
            if commit.files.contains(where: { $0.path == UpstreamFile.name }) {
                findings.append(
                    CheckFinding(
                        2, place(commit), "touches \(UpstreamFile.name) and other files; notes are a commit of their own",
                        fix: "split it in two: git rebase --interactive \(header.base.prefix(8))"))
            }
            findings += tag(commit)
            findings += trailer(commit, "Upstream-Status", commit.statuses, "Pending [what it waits for]")
            findings += trailer(commit, "Fork-Change", commit.slugs, "slug")
        }
        return findings
    }

    private func reword(_ line: String) -> String { "git rebase --interactive \(header.base.prefix(8)), and write: \(line)" }

    private func tag(_ commit: Commit) -> [CheckFinding] {
        let names = SubjectTag.allCases.map(\.rawValue)
        switch commit.tags.count {
        case 1: return []
        case 0:
            let loose = commit.subject.firstMatch(of: /^\[?([A-Za-z][A-Za-z\-]*)\]?\s*[:\-]?\s*(.*)$/)
            if let loose, let meant = Spelling.nearest(String(loose.1), in: names) {
                let line = "\(meant): \(loose.2)"
                return [
                    CheckFinding(2, place(commit), "malformed tag: expected '\(line)'", fix: reword(line))
                ]
            }
            return [
                CheckFinding(
                    2, place(commit), "has no tag, expected one of \(names.joined(separator: ", "))",
                    fix: reword("FORK: \(commit.subject)"))
            ]
        default:
            let last = commit.tags.last?.rawValue ?? ""
            return [
                CheckFinding(
                    2, place(commit), "has \(commit.tags.count) tags, expected one",
                    fix: reword("\(last): \(commit.untaggedSubject)"))
            ]
        }
    }

    private func trailer(_ commit: Commit, _ key: String, _ values: [String], _ form: String) -> [CheckFinding] {
        if values.count == 1 { return [] }
        if values.count > 1 {
            return [
                CheckFinding(
                    2, place(commit), "has \(values.count) trailers \(key), expected one",
                    fix: "git rebase --interactive \(header.base.prefix(8)), and keep one")
            ]
        }
        for line in commit.body.split(separator: "\n") {
            guard let loose = line.firstMatch(of: /^\s*([A-Za-z][A-Za-z _\-]*?)\s*[:=]\s*(.+)$/),
                Spelling.nearest(String(loose.1), in: [key]) != nil
            else { continue }
            let meant = "\(key): \(loose.2)"
            let reason = String(line) == meant ? "is not in the last paragraph" : "expected '\(meant)'"
            return [
                CheckFinding(
                    2, place(commit), "malformed trailer: found '\(line)', \(reason)", fix: reword("\(meant) (last paragraph)"))
            ]
        }
        return [
            CheckFinding(2, place(commit), "has no trailer \(key)", fix: reword("\(key): \(form) (last paragraph)"))
        ]
    }

    /// Rule 3: every change has an entry, every entry has commits.
    func bijection() -> [CheckFinding] {
        let slugs = Set(changes.map(\.slug))
        let entries = file.entries.map(\.slug)
        var findings: [CheckFinding] = []
        for change in changes where change.entry == nil {
            let near = Spelling.nearest(change.slug, in: entries.filter { !slugs.contains($0) })
            findings.append(
                CheckFinding(
                    3, change.slug, "has commits and no entry in \(UpstreamFile.name)",
                    fix: near.map { "its entry may be '## \($0)': name both the same" }
                        ?? "write the section '## \(change.slug)' and commit it alone: NOTES: \(change.slug)"))
        }
        for entry in file.entries where !slugs.contains(entry.slug) {
            findings.append(
                CheckFinding(
                    3, entry.slug, "has an entry in \(UpstreamFile.name) and no commit with 'Fork-Change: \(entry.slug)'",
                    fix: "take the section '## \(entry.slug)' out and commit that alone: NOTES: \(entry.slug)"))
        }
        return findings
    }

    /// Rule 4: statuses and names in commits are written as in UPSTREAM.md (which was read strictly before).
    func grammar() -> [CheckFinding] {
        var findings: [CheckFinding] = []
        for commit in ownCommits {
            for text in commit.statuses {
                do {
                    _ = try UpstreamStatus(text)
                } catch {
                    findings.append(
                        CheckFinding(
                            4, place(commit), "malformed Upstream-Status: \(error.message)",
                            fix: error.corrected.map { reword("Upstream-Status: \($0)") }))
                }
            }
            for slug in commit.slugs where !UpstreamEntry.isSlug(slug) {
                findings.append(
                    CheckFinding(
                        4, place(commit), "malformed Fork-Change: found '\(slug)', expected lower-case words with hyphens",
                        fix: UpstreamFile.slug(from: slug).map { reword("Fork-Change: \($0)") }))
            }
        }
        return findings
    }
}
