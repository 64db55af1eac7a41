/// What a sync would do, found out in a temporary clone: nothing of the repository is touched.
package struct Forecast: Sendable {
    package let base: NamedCommit
    package let target: NamedCommit
    /// What would become of each commit, in the series' order; a commit in conflict is left out and the next ones go on
    /// without it, so what comes after it holds for that case.
    package let rows: [ReplayedCommit]
    /// The tree that the sync would end with if conflicts were left out.
    package let tree: String
    /// UPSTREAM.md.
    package let notes: UpstreamFile
    /// Commits of upstream that the base has and the target has not.
    package let leftBehind: Int
    package let plugins: [PluginDrift]
    package let interface: InterfaceDrift?
    package let lostKeys: [LostKeys]

    package var hasConflicts: Bool { rows.contains { $0.fate == .conflict } }

    /// Forecasts the sync to a tag, a branch or a commit of upstream.
    package static func make(_ repository: ForkRepository, to name: String) async throws -> Forecast {
        _ = try await repository.requireBranch()
        try await repository.requireClean()
        let (notes, header) = try repository.fork()
        try await repository.requireUpstream(header)
        try await repository.requireBase(header)
        let target = try await repository.target(name, header)
        let request = try await ReplayRequest.read(repository, header, target: target)
        let git = repository.git
        return try await ScratchClone.with(git, at: target.commit) { scratch in
            let replay = Replay(git: scratch, request: request)
            var rows: [ReplayedCommit] = []
            while rows.count < request.steps.count {
                let row = try await replay.next(after: rows)
                if row.fate == .conflict { try await replay.clear() }
                rows.append(row)
            }
            let (base, tip) = (try await TreeListing(git, header.base), try await TreeListing(git, request.tip))
            let (upstream, result) = (try await TreeListing(git, target.commit), try await TreeListing(scratch, "HEAD"))
            let (baseFolders, forkFolders) = (try await PluginFolders(base), try await PluginFolders(tip))
            let targetFolders = try await PluginFolders(upstream)
            let own = forkFolders.plugins.keys.filter { targetFolders.plugins[$0] == nil && baseFolders.plugins[$0] == nil }
            return Forecast(
                base: request.base, target: target, rows: rows,
                tree: try await scratch.read(["rev-parse", "HEAD^{tree}"]).text, notes: notes,
                leftBehind: Int(
                    try await git.read(["rev-list", "--count", header.base, "--not", target.commit]).text) ?? 0,
                plugins: try await PluginDrift.find(git, fork: forkFolders, target: targetFolders, upstream),
                interface: try await InterfaceDrift.find(tip, result, plugins: own.sorted()),
                lostKeys: try await LostKeys.find(base, baseFolders, upstream, targetFolders))
        }
    }
}
