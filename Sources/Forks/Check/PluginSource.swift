package import JSON

/// A plugin.json in a commit, of which a fork needs to know three things.
package struct PluginSource: Sendable, Hashable {
    /// Its path in the repository.
    package let path: String
    let text: String

    /// What a plugin.json says of where the plugin comes from.
    package struct Manifest: Sendable, Hashable {
        package let id: String
        /// The ids that it replaces, sorted.
        package let replaces: [String]
        /// The plugins it was copied from, nearest first.
        package let lineage: [Ancestor]
    }

    /// A plugin that another was copied from.
    package struct Ancestor: Sendable, Hashable {
        package let id: String
        package let version: String
        package let commit: String
        /// The git tree of its folder then.
        package let tree: String
    }

    /// The folder that it describes.
    package var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }

    /// Every plugin.json of a commit.
    /// - Parameter paths: files and folders to look in; those that do not exist hold none.
    package static func all(_ git: Git, in paths: [String], ifExists commit: String) async throws -> [PluginSource] {
        guard !paths.isEmpty else { return [] }
        let folders = paths.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        let names = try await git.read(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--"] + folders)
        var sources: [PluginSource] = []
        for path in names.fields where path.split(separator: "/").last == "plugin.json" {
            let text = try await git.read(["cat-file", "blob", "\(commit):\(path)"]).text
            sources.append(PluginSource(path: path, text: text))
        }
        return sources
    }

    /// - Throws: `JSONError` when it is no JSON.
    package func manifest() throws(JSONError) -> Manifest {
        let json = try JSONValue(parsing: text)
        let lineage = (json["lineage"]?.array ?? []).compactMap { ancestor -> Ancestor? in
            guard let id = ancestor["id"]?.string, let commit = ancestor["commit"]?.string, let tree = ancestor["tree"]?.string
            else { return nil }
            return Ancestor(id: id, version: ancestor["version"]?.string ?? "", commit: commit, tree: tree)
        }
        return Manifest(
            id: json["id"]?.string ?? "",
            replaces: (json["provides"]?.array ?? []).compactMap { $0["replaces"]?.string }.sorted(), lineage: lineage)
    }
}
