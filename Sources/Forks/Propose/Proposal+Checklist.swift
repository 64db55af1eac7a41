extension Proposal {
    /// What to look at before the change is sent; what could be seen from here is ticked.
    package var checklist: String {
        let rows: [(isDone: Bool, text: String)] = [
            (false, "Could it be a plugin or a setting instead? If an extension point is missing, is that the pull request?"),
            (proof.status == 0, "One idea, refactoring apart; builds and passes on upstream's tip with nothing else of ours."),
            (leftovers.isEmpty, "No names, ids, paths or trailers of the fork; licence and Signed-off-by in place."),
            (false, "The test fails before and passes after (forktail fork verify \(slug) --prove); losses compared."),
            (false, "Docs and CHANGELOG; a note where the interface of plugins moved."),
            (false, "Motivation, Modifications and Result filled in, with measured numbers and their command."),
            (false, "Entry set to `Submitted [url]`, Drop-When written, Last-Update today."),
            (false, "Once merged: `Backport [version]`; the next plan must say upstream, and sync leaves it out."),
            (false, "Once refused: `Denied [url: reason]`; keep it as a plugin or drop it."),
        ]
        return rows.map { "- [\($0.isDone ? "x" : " ")] \($0.text)" }.joined(separator: "\n")
    }
}
