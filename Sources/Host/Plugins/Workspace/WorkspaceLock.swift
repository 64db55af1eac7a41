import Foundation
import JSON
import PluginAPI

/// What `forktail plugins sync` built from a workspace: `<workspace>.lock.json`.
struct WorkspaceLock {
    /// The interface that the plugins were built for.
    let interface: String
    let plugins: [Plugin]

    struct Plugin {
        let entry: PluginWorkspace.Entry
        let id: String
        let version: String
        /// The commit of the sources; nil when they differ from every commit.
        let commit: String?
        /// SHA-256 over the sources.
        let sources: String
        /// The library, relative to the workspace's folder.
        let file: String
        /// SHA-256 of the library.
        let digest: String
    }

    init(interface: String, plugins: [Plugin]) { (self.interface, self.plugins) = (interface, plugins) }

    /// - Throws: `PluginError` when there is none, or it has another form.
    init(of workspace: PluginWorkspace) throws {
        let hint = "build its plugins: forktail plugins sync \(workspace.path)"
        guard let contents = FileManager.default.contents(atPath: workspace.lockFile.path) else {
            throw PluginError(.unreadable, "the plugins of \(workspace.path) were not built yet", hint: hint)
        }
        let damaged = PluginError(.unreadable, "\(workspace.lockFile.path) is damaged", hint: hint)
        let json: JSONValue
        do {
            json = try JSONValue(parsing: String(decoding: contents, as: UTF8.self))
        } catch {
            throw damaged
        }
        guard json["format"]?.integer == 1, let interface = json["interface"]?.string, let list = json["plugins"]?.array else {
            throw damaged
        }
        self.interface = interface
        plugins = try list.map { value in
            guard let source = value["source"], let entry = PluginWorkspace.Entry(source), let id = value["id"]?.string,
                let version = value["version"]?.string, let sources = value["sources_sha256"]?.string,
                let file = value["file"]?.string, let digest = value["sha256"]?.string
            else { throw damaged }
            return Plugin(
                entry: entry, id: id, version: version, commit: value["commit"]?.string, sources: sources, file: file,
                digest: digest)
        }
    }

    var text: String {
        let rows = plugins.map { plugin in
            JSONValue.object([
                .init("id", .string(plugin.id)), .init("version", .string(plugin.version)),
                .init("source", .object(plugin.entry.members)), .init("commit", .text(plugin.commit)),
                .init("sources_sha256", .string(plugin.sources)), .init("file", .string(plugin.file)),
                .init("sha256", .string(plugin.digest)),
            ]).text
        }
        let list = rows.isEmpty ? "[]" : "[\n    " + rows.joined(separator: ",\n    ") + "\n  ]"
        return "{\n  \"format\": 1,\n  \"interface\": \(JSONValue.string(interface).text),\n  \"plugins\": \(list)\n}\n"
    }
}
