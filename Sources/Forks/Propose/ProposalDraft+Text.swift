extension ProposalDraft {
    /// The text of the pull request: what the commits say under these titles, and what is known where they do not.
    func text(_ proof: ChangeProof, _ tip: String) async throws -> String {
        let sections = change.commits.count == 1 ? ProposalDraft.sections(change.commits[0].body) : [:]
        let stat = try await scratch.read(["diff", "--stat=100", base.commit, tip]).text
        let motivation = sections["Motivation"] ?? [entry.summary, entry.prose].filter { !$0.isEmpty }.joined(separator: "\n\n")
        let subjects = change.commits.map { "- \($0.untaggedSubject)" }.joined(separator: "\n")
        let modifications = sections["Modifications"] ?? subjects
        let shown = proof.command.map { "`\($0)` passes on \(base) with this change alone." }
            ?? "Nothing shows it yet: the change has no command that verifies it."
        let numbers = switch entry.numbers {
        case .identical: "Losses stay the same to the last digit."
        case .move: "Losses move, as they are meant to: attach the comparison."
        case nil: "Whether losses move is not said: attach a comparison."
        }
        let result = [sections["Result"], shown, numbers].compactMap { $0 }.joined(separator: "\n")
        return """
            \(title)

            Motivation:

            \(motivation)

            Modifications:

            \(modifications)

            \(stat)

            Result:

            \(result)
            """
    }

    /// The paragraphs below `Motivation:`, `Modifications:` and `Result:` of a message, without trailers.
    static func sections(_ body: String) -> [String: String] {
        var sections: [String: [String]] = [:]
        var title: String?
        for line in body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("Upstream-Status:") || line.hasPrefix("Fork-Change:") { continue }
            if line.wholeMatch(of: /[A-Z][a-z\-]+-by: .*/) != nil { continue }
            if let match = line.wholeMatch(of: /(Motivation|Modifications|Result):\s*(.*)/) {
                title = String(match.1)
                sections[String(match.1)] = [String(match.2)]
            } else if let title {
                sections[title, default: []].append(line)
            }
        }
        return sections.mapValues { $0.joined(separator: "\n").trimmed() }.filter { !$0.value.isEmpty }
    }

    /// Lines that are added, and messages, that still name the fork: its publishers and its notes.
    func leftovers(_ publishers: Set<String>, _ tip: String) async throws -> [String] {
        let words = publishers.subtracting(["core"]).map { $0.lowercased() }
        let names = { (line: String) in
            let parts = line.lowercased().split { !$0.isLetter && !$0.isNumber }
            return parts.contains { part in words.contains { part == $0 } }
                || ["UPSTREAM.md", "Fork-Change", "Upstream-Status"].contains { line.contains($0) }
        }
        var found: [String] = []
        var file = ""
        for line in try await scratch.read(["diff", "-U0", base.commit, tip]).lines {
            if line.hasPrefix("+++ ") {
                file = String(line.dropFirst(6))
                if names(file) { found.append("\(file): the file's name") }
            } else if line.hasPrefix("+"), names(String(line.dropFirst())) {
                found.append("\(file): \(String(line.dropFirst()).trimmed())")
            }
        }
        for line in try await scratch.read(["log", "--format=%B", "\(base.commit)..\(tip)"]).lines where names(line) {
            found.append("message: \(line)")
        }
        return found
    }
}
