extension RewriteReport {
    /// The report, for a terminal: what became of each commit, the proofs, and where the old series is.
    package var text: String {
        let shown = rows.filter(\.isChange)
        let tally = ReplayedCommit.Fate.allCases.compactMap { fate -> String? in
            let count = shown.filter { $0.fate == fate }.count
            return count == 0 ? nil : "\(count) \(fate.rawValue)"
        }
        let title = oldBase == newBase ? "\(branch) on \(newBase)" : "\(branch): \(oldBase) -> \(newBase)"
        let subjects = shown.map(\.subject.count).max() ?? 0
        var lines = ["\(title)   \(Forecast.count(shown.count, "commit")): \(tally.joined(separator: ", "))"]
        for row in shown {
            lines.append(" \(Forecast.pad(row.fate.rawValue, 9)) \(Forecast.pad(row.subject, subjects))  \(row.slug ?? "-")")
        }
        lines += rangeDiff.isEmpty ? [] : ["range-diff, old series and new (= the same, ! altered, < left out, > new):"]
        lines += rangeDiff.split(separator: "\n").map { "  \($0)" }
        lines += proofs.map(\.text)
        if let losses { lines.append(losses.text) }
        if !gone.isEmpty { lines.append("left the fork, with their entries: \(gone.joined(separator: ", "))") }
        if isProven {
            lines.append("\(branch) is \(newTip.prefix(10)); what it was is kept: \(backup)")
        } else {
            lines.append("\(branch) has not moved. mend it here and commit:  \(command) --continue")
            lines.append("go on without the proof:                \(command) --skip")
            lines.append("back to where it began:                 \(command) --abort")
        }
        return lines.joined(separator: "\n")
    }
}

extension ChangeProof {
    /// A line, and the end of the output where the command failed.
    package var text: String {
        guard let command, let status else { return "verify  \(slug): no Verify in its entry, nothing shows that it works" }
        guard status != 0 else { return "verify  \(slug): passed  \(command)" }
        return "verify  \(slug): FAILED with status \(status)  \(command)" + ChangeProof.indented(tail)
    }

    static func indented(_ text: String) -> String {
        text.split(separator: "\n").map { "\n        \($0)" }.joined()
    }
}

extension LossProof {
    /// A line: whether the losses are the same, and if not where they part.
    package var text: String {
        if let failure { return "losses  \(recipe): \(failure)" }
        guard let step = firstDifference else {
            return "losses  \(recipe): the same in \(Forecast.count(before.count, "step"))"
        }
        let value = { (losses: [String]) in step <= losses.count ? losses[step - 1] : "no such step" }
        let differ = "losses  \(recipe): differ from step \(step): \(value(before)) before, \(value(after)) after"
        return differ + (moving.isEmpty ? "; no change says 'Numbers: move'" : "; \(moving.joined(separator: ", ")) moves them")
    }
}

extension ChangeTrial {
    /// A line, and the end of the output where there is one to look at.
    package var text: String {
        switch verdict {
        case .proven: "verify  \(slug): passes, and fails without the change"
        case .passesWithout: "verify  \(slug): passes WITHOUT the change too, so it shows nothing  \(command ?? "")"
        case .fails(let tail): "verify  \(slug): FAILED with the change  \(command ?? "")" + ChangeProof.indented(tail)
        case .entangled(let row):
            "verify  \(slug): cannot be taken out alone, \(row.commit.prefix(8)) \"\(row.subject)\" builds on it"
        case .noCommand: "verify  \(slug): no Verify in its entry, nothing shows that it works"
        }
    }
}
