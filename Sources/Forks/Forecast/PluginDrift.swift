/// A plugin of the fork whose parent is not what it was when it was copied.
package struct PluginDrift: Sendable, Hashable {
    /// The fork's plugin.
    package let id: String
    package let parent: String
    /// The parent's version when it was copied.
    package let version: String
    /// The parent's files that differ, from its folder; empty when it is gone or its old state is not known here.
    package let files: [String]
    package let state: State

    package enum State: String, Sendable {
        case changed
        /// Upstream has no plugin of that id any more.
        case gone
        /// The recorded tree is not in this repository.
        case unknown
    }

    package init(id: String, parent: String, version: String, files: [String], state: State) {
        (self.id, self.parent, self.version) = (id, parent, version)
        (self.files, self.state) = (files, state)
    }

    /// The plugins of `fork` whose parents changed on the way to `target`.
    static func find(
        _ git: Git, fork: PluginFolders, target: PluginFolders, _ listing: TreeListing
    ) async throws -> [PluginDrift] {
        var drifts: [PluginDrift] = []
        for plugin in fork.plugins.values.sorted(by: { $0.id < $1.id }) {
            guard let parent = plugin.parent else { continue }
            let drift = { (state: State, files: [String]) in
                PluginDrift(id: plugin.id, parent: parent.id, version: parent.version, files: files, state: state)
            }
            guard let folder = target.plugins[parent.id]?.folder else {
                // A parent of the fork's own is no business of upstream's.
                if fork.plugins[parent.id] == nil { drifts.append(drift(.gone, [])) }
                continue
            }
            if listing.folders[folder] == parent.tree { continue }
            guard try await git.run(["cat-file", "-e", "\(parent.tree)^{tree}"]).status == 0 else {
                drifts.append(drift(.unknown, []))
                continue
            }
            let changed = try await git.read(
                ["diff-tree", "-r", "-z", "--name-only", "--no-renames", parent.tree, listing.folders[folder] ?? ""])
            drifts.append(drift(.changed, changed.fields.sorted()))
        }
        return drifts
    }
}
