/// What a sync would do, found out in a temporary clone: nothing of the repository is touched.
package struct Forecast: Sendable {
    package let base: NamedCommit
    package let target: NamedCommit
    /// What would become of each commit, in the series' order; a commit in conflict is left out and the next ones go on
    /// without it, so what comes after it holds for that case.
    package let rows: [ReplayedCommit]
    /// The files that the sync would end with if conflicts were left out, as `git ls-tree -r` says them.
    package let files: [String]
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
        return try await ScratchClone.with(repository.git, at: target.commit) { scratch in
            let rows = try await Replay(git: scratch, request: request).forecast()
            return try await forecast(request, rows, notes, repository.git, scratch)
        }
    }

    /// What the trees on both sides say, once the series stands in `scratch`.
    private static func forecast(
        _ request: ReplayRequest, _ rows: [ReplayedCommit], _ notes: UpstreamFile, _ git: Git, _ scratch: Git
    ) async throws -> Forecast {
        let (base, target) = (request.base, request.target)
        let old = try await TreeListing(git, base.commit)
        let fork = try await TreeListing(git, request.tip)
        let new = try await TreeListing(git, target.commit)
        let result = try await TreeListing(scratch, "HEAD")
        let oldPlugins = try await PluginFolders(old)
        let forkPlugins = try await PluginFolders(fork)
        let newPlugins = try await PluginFolders(new)
        let own = forkPlugins.plugins.keys.filter { newPlugins.plugins[$0] == nil && oldPlugins.plugins[$0] == nil }
        let leftBehind = try await git.read(["rev-list", "--count", base.commit, "--not", target.commit]).text
        let files = try await scratch.read(["ls-tree", "-r", "-z", "HEAD"]).fields
        let plugins = try await PluginDrift.find(git, fork: forkPlugins, target: newPlugins, new)
        let interface = try await InterfaceDrift.find(fork, result, plugins: own.sorted())
        let lostKeys = try await LostKeys.find(old, oldPlugins, new, newPlugins)
        return Forecast(
            base: base, target: target, rows: rows, files: files, notes: notes, leftBehind: Int(leftBehind) ?? 0,
            plugins: plugins, interface: interface, lostKeys: lostKeys)
    }
}
