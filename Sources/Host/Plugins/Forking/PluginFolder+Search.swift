import Forks
import Foundation
import JSON
import PluginAPI

extension PluginFolder {
    /// The folder of the plugin `id` in the repositories that `directories` lie in; the first that has one counts.
    /// - Parameter fix: what else the user can do.
    /// - Throws: `PluginError` (`notFound`) with the nearest id; `InputError` when a repository has the plugin twice.
    static func find(_ id: PluginID, in directories: [String], fix: String) async throws -> PluginFolder {
        var known: Set<String> = []
        var seen: Set<String> = []
        for directory in directories {
            guard let git = try await repository(at: directory), seen.insert(git.directory).inserted else { continue }
            let found = try await manifests(in: git)
            let paths = found.filter { $0.id == "\(id)" }.map(\.path)
            if paths.count > 1 {
                throw InputError("\(id)", "lies in two folders of \(git.directory): \(paths.joined(separator: " and "))")
            }
            if let path = paths.first { return try PluginFolder(git, path) }
            known.formUnion(found.map(\.id))
        }
        let near = NearestName.of("\(id)", in: known.sorted()).map { "did you mean '\($0)'? " } ?? ""
        let places = seen.isEmpty ? "no git repository here" : seen.sorted().joined(separator: " and ")
        throw PluginError(.notFound, "no folder with the sources of \(id) (looked in \(places))", hint: near + fix)
    }

    /// Git at the root of the repository that a folder lies in, nil when it lies in none.
    static func repository(at directory: String) async throws -> Git? {
        let git = Git(directory)
        guard FileManager.default.fileExists(atPath: directory) else { return nil }
        let root = try await git.run(["rev-parse", "--show-toplevel"])
        return root.status == 0 && !root.text.isEmpty ? Git(root.text) : nil
    }

    private init(_ git: Git, _ path: String) throws {
        let file = path.isEmpty ? "plugin.json" : path + "/plugin.json"
        let text = try String(contentsOf: URL(filePath: git.directory).appending(path: file), encoding: .utf8)
        self.init(git: git, path: path, manifest: try PluginManifest(text, file: file))
    }

    /// Every manifest of a repository with the id in it; what cannot be read has none.
    private static func manifests(in git: Git) async throws -> [(path: String, id: String)] {
        let listed = try await git.read(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*plugin.json"])
        return Set(listed.fields).sorted().compactMap { file in
            let isManifest = file == "plugin.json" || file.hasSuffix("/plugin.json")
            guard isManifest, let contents = FileManager.default.contents(atPath: git.directory + "/" + file),
                let id = (try? JSONValue(parsing: String(decoding: contents, as: UTF8.self)))?["id"]?.string
            else { return nil }
            return (file == "plugin.json" ? "" : String(file.dropLast("/plugin.json".count)), id)
        }
    }
}
