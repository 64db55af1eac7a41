internal import JSON

/// The plugins of a commit: every folder with a plugin.json.
struct PluginFolders: Sendable {
    struct Plugin: Sendable {
        let id: String
        let folder: String
        /// The nearest ancestor that it was copied from.
        let parent: Parent?
    }

    struct Parent: Sendable {
        let id: String
        let version: String
        /// The git tree of the folder that was copied.
        let tree: String
    }

    /// By id.
    let plugins: [String: Plugin]

    /// A plugin.json that cannot be read is none: `forktail fork check` and the host say what is wrong with it.
    init(_ listing: TreeListing) async throws {
        let manifests = try await listing.texts(
            listing.files.keys.filter { $0.hasSuffix("/plugin.json") && !$0.hasPrefix("Tests/") })
        var plugins: [String: Plugin] = [:]
        for (path, text) in manifests.sorted(by: { $0.key < $1.key }) {
            let manifest: JSONValue
            do { manifest = try JSONValue(parsing: text) } catch { continue }
            guard let id = manifest["id"]?.string else { continue }
            let lineage = manifest["lineage"]?.array?.first
            var parent: Parent?
            if let name = lineage?["id"]?.string, let tree = lineage?["tree"]?.string {
                parent = Parent(id: name, version: lineage?["version"]?.string ?? "", tree: tree)
            }
            plugins[id] = Plugin(id: id, folder: String(path.dropLast("/plugin.json".count)), parent: parent)
        }
        self.plugins = plugins
    }

    /// The plugin whose folder holds `path`.
    func owner(of path: String) -> Plugin? {
        plugins.values.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.count < $1.folder.count }
    }
}
