extension Rewrite {
    /// Writes what the notes say from now on: base, day, and no entries of changes that are gone.
    func commitLastNotes(_ state: RewriteState) async throws {
        var file = try await oldNotes(state)
        let gone = state.request.gone(after: state.done)
        for slug in gone { file[slug] = nil }
        let title: String
        switch state.kind {
        case .sync:
            let target = state.request.target
            file.header?.base = target.commit
            file.header?.baseTag = nil
            if let name = target.name, try await repository.commit("refs/tags/\(name)") == target.commit {
                file.header?.baseTag = name
            }
            file.header?.lastSync = state.day
            title = ReplayStep.syncNote + target.short
        case .drop: title = "\(SubjectTag.notes): drop \(state.request.dropped ?? "")"
        }
        try await replay(state).commitNotes(Array(file.text.utf8), ["-m", title])
    }

    /// What the rewriting came to, before anything is proved.
    func report(_ state: RewriteState) async throws -> RewriteReport {
        let (old, new) = (state.request.base.commit, state.request.target.commit)
        let difference = try await git.read(
            ["range-diff", "-s", "--no-color", "\(old)..\(state.request.tip)", "\(new)..\(state.head)"])
        return RewriteReport(
            rows: state.done, oldBase: state.request.base, newBase: state.request.target, oldTip: state.request.tip,
            newTip: state.head, backup: state.backup, branch: state.branch,
            gone: state.request.gone(after: state.done).sorted(), rangeDiff: difference.text, command: state.command)
    }

    /// Runs the command of every change that was carried over, and compares losses where the header names a recipe.
    func prove(_ report: inout RewriteReport, _ state: RewriteState) async throws {
        let file = try repository.upstreamFile()
        var kept: [String] = []
        for slug in state.done.filter({ $0.isChange && $0.fate.isKept }).compactMap(\.slug) where !kept.contains(slug) {
            kept.append(slug)
        }
        for slug in kept { report.proofs.append(try await ChangeProof.run(slug, file[slug], in: repository.root)) }
        guard state.kind == .sync, report.isProven, let recipe = file.header?.proofRecipe else { return }
        let moves = kept.filter { file[$0]?.numbers == .move }
        report.losses = try await LossProof.run(
            git, recipe: recipe, oldTip: state.request.tip, moving: moves, trainer: trainer)
    }
}
