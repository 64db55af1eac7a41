/// The making of a proposal in a temporary clone.
struct ProposalDraft {
    let scratch: Git
    let change: Change
    let entry: UpstreamEntry
    let base: NamedCommit
    let repository: ForkRepository

    func make() async throws -> Proposal.Outcome {
        let fork = try await PluginFolders(TreeListing(repository.git, "HEAD"))
        let upstream = try await PluginFolders(TreeListing(repository.git, base.commit))
        var kept: [String] = []
        if let copy = copied(fork, upstream) {
            if let row = try await carryCopy(copy.plugin, copy.parent, copy.target) { return .conflict(row, upstream: base) }
            kept = change.paths.filter { !$0.hasPrefix(copy.plugin.folder + "/") || $0.hasSuffix("/plugin.json") }
        } else if let row = try await pick() {
            return .conflict(row, upstream: base)
        }
        let tip = try await scratch.read(["rev-parse", "HEAD"]).text
        if try await scratch.run(["diff", "--quiet", base.commit, tip]).status == 0 { return .alreadyUpstream(base) }
        let proof = try await ChangeProof.run(change.slug, entry, in: scratch.directory)
        guard proof.isFine else { return .failing(proof, upstream: base) }
        let backup = try await publish(tip)
        let own = fork.plugins.keys.filter { upstream.plugins[$0] == nil }
        let publishers = Set(own.compactMap { $0.split(separator: ".").first.map(String.init) })
        return .ready(
            Proposal(
                slug: change.slug, title: title, branch: branch, base: base, tip: tip, proof: proof,
                leftovers: try await leftovers(publishers, tip), kept: kept, backup: backup,
                text: try await text(proof, tip)))
    }

    private var branch: String { "propose/\(change.slug)" }

    /// The subject of the pull request.
    var title: String { change.commits.count == 1 ? change.commits[0].untaggedSubject : entry.summary }

    // MARK: The commits

    /// Carries the change's commits over, under messages that do not speak of the fork.
    private func pick() async throws -> ReplayedCommit? {
        let tip = change.commits.last?.hash ?? base.commit
        let steps = change.commits.map(ReplayStep.init)
        let replay = Replay(
            git: scratch,
            request: ReplayRequest(
                base: NamedCommit(name: nil, commit: try await mergeBase(tip)), target: base, tip: tip, steps: steps, merged: []))
        var rows: [ReplayedCommit] = []
        for commit in change.commits {
            let row = try await replay.next(after: rows)
            if row.fate == .conflict { return row }
            if row.fate.isKept { try await reword(ProposalDraft.message(commit)) }
            rows.append(row)
        }
        return nil
    }

    private func mergeBase(_ tip: String) async throws -> String {
        try await scratch.read(["merge-base", tip, base.commit]).text
    }

    private func reword(_ message: String) async throws {
        try await scratch.change(
            ["commit", "-q", "--amend", "--no-verify", "--allow-empty", "-F", "-"], input: Array(message.utf8))
    }

    /// A commit's message without the tags and the trailers of a fork.
    static func message(_ commit: Commit) -> String {
        let body = commit.body.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("Upstream-Status:") && !$0.hasPrefix("Fork-Change:") }
            .joined(separator: "\n").trimmed()
        return commit.untaggedSubject + (body.isEmpty ? "" : "\n\n\(body)") + "\n"
    }

    // MARK: A plugin that was copied

    /// The plugin that the change works on, where it is a copy of one that upstream has.
    private func copied(
        _ fork: PluginFolders, _ upstream: PluginFolders
    ) -> (plugin: PluginFolders.Plugin, parent: PluginFolders.Parent, target: String)? {
        guard entry.kind == .pluginOverride else { return nil }
        for path in change.paths {
            if let plugin = fork.owner(of: path), upstream.plugins[plugin.id] == nil, let parent = plugin.parent,
                let target = upstream.plugins[parent.id]?.folder
            {
                return (plugin, parent, target)
            }
        }
        return nil
    }

    /// Makes what the copy changed a change of the plugin that it was copied from.
    private func carryCopy(
        _ plugin: PluginFolders.Plugin, _ parent: PluginFolders.Parent, _ target: String
    ) async throws -> ReplayedCommit? {
        let patch = try await scratch.read(
            [
                "diff", "--binary", "--full-index", parent.tree, "\(try await tip()):\(plugin.folder)", "--", ".",
                ":(exclude)plugin.json",
            ])
        guard !patch.bytes.isEmpty else { return nil }
        let applied = try await scratch.run(
            ["apply", "--3way", "--index", "--directory=\(target)"], changes: true, input: patch.bytes)
        let replay = Replay(
            git: scratch,
            request: ReplayRequest(
                base: NamedCommit(name: nil, commit: try await mergeBase(try await tip())), target: base, tip: try await tip(),
                steps: change.commits.map(ReplayStep.init), merged: []))
        let paths = try await replay.conflicts()
        if !paths.isEmpty, let last = change.commits.last {
            return ReplayedCommit(ReplayStep(last), .conflict, files: try await replay.files(paths))
        }
        _ = try applied.checked()
        let message = change.commits.count == 1 ? ProposalDraft.message(change.commits[0]) : "\(entry.summary)\n"
        try await scratch.change(["commit", "-q", "--no-verify", "--allow-empty", "-F", "-"], input: Array(message.utf8))
        return nil
    }

    private func tip() async throws -> String { try await repository.git.read(["rev-parse", "HEAD"]).text }

    // MARK: The branch

    /// Brings the branch into the repository; what it was before is kept by a tag.
    private func publish(_ tip: String) async throws -> String? {
        let git = repository.git
        var backup: String?
        if let old = try await repository.commit("refs/heads/\(branch)") {
            let isAbove = try await repository.isAncestor(base.commit, of: old)
            if isAbove, try await scratch.run(["diff", "--quiet", old, tip]).status == 0 { return nil }
            let tag = try await BackupTag.name(git, prefix: "fork/\(branch)", commit: old)
            if !tag.exists { try await git.change(["update-ref", "refs/tags/\(tag.tag)", old, ""]) }
            backup = tag.tag
        }
        try await git.change(["fetch", "-q", "--no-tags", scratch.directory, "+HEAD:refs/heads/\(branch)"])
        return backup
    }
}
