extension Proposal.Outcome {
    /// What came out, for a terminal: the text of the pull request and the checklist, or why there is none.
    package var text: String {
        switch self {
        case .ready(let proposal): proposal.summary
        case .conflict(let row, let upstream):
            (["\(row.commit.prefix(8)) \"\(row.subject)\" does not apply to \(upstream)"]
                + row.files.map { file in
                    "  \(file.path)" + (file.upstream.map { "  upstream \($0)" } ?? "  builds on another change of the fork")
                }
                + ["sync first, so that the change stands on upstream's branch: forktail fork sync \(upstream.short)"])
                .joined(separator: "\n")
        case .alreadyUpstream(let upstream):
            "nothing of the change is left on \(upstream): upstream has it; the next sync leaves it out"
        case .failing(let proof, let upstream):
            "alone on \(upstream) the change does not work, so no branch was made\n\(proof.text)"
        }
    }
}

extension Proposal {
    fileprivate var summary: String {
        var parts = [text, checklist]
        for (title, lines) in [
            ("lines that still name the fork:", leftovers), ("files of the change that stay in the fork:", kept),
        ] where !lines.isEmpty {
            parts.append(([title] + lines.map { "  \($0)" }).joined(separator: "\n"))
        }
        let before = backup.map { "; what it was is kept: \($0)" } ?? ""
        parts.append("the branch \(branch) stands on \(base)\(before)\nsend it: git push origin \(branch)")
        return parts.joined(separator: "\n\n")
    }
}
