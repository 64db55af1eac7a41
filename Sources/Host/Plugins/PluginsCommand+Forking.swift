import ArgumentParser
import Forks
import Foundation
import JSON
import PluginAPI

extension PluginsCommand {
    /// The folder that relative paths of a command are relative to.
    private static var here: URL { URL(filePath: FileManager.default.currentDirectoryPath) }

    struct ForkCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fork", abstract: "Copy a plugin under an id of your own, and remember where it came from.",
            discussion: "The copy replaces its parent for whoever opts in; the parent stays within reach by its full id.")
        @Argument(help: "The plugin to copy: publisher.kind.name") var id: String
        @Option(name: .customLong("as"), help: "The copy's id: another publisher, the same kind and name.") var newID: String
        @Option(help: "The folder to write (default: beside the parent, else in this folder).") var into: String?
        @Option(help: "A folder in the repository that has the plugin's sources.") var from: String?

        func run() async throws {
            let today = Day(number: Int(Date.now.timeIntervalSince1970) / 86_400)
            print(
                try await PluginFork(id, as: newID, into: into, from: from, directory: PluginsCommand.here, today: today).text)
        }
    }

    struct DiffCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff", abstract: "What a fork changed, what its parent changed since, and what both did.")
        @Argument(help: "The fork's id; its folder lies in the repository of this folder.") var id: String
        @Flag(help: "Only what the fork changed.") var mine = false
        @Flag(help: "Only what its parent changed.") var theirs = false
        @Flag(help: "Files and numbers of lines.") var stat = false
        @Flag(help: "One JSON object: trees, and the files of each side.") var json = false
        @Option(help: "A folder in the repository of the parent.") var parent: String?

        func run() async throws {
            let id = try PluginsCommand.id(id)
            let fork = try await PluginFolder.find(
                id, in: [PluginsCommand.here.path], fix: "run it in the repository of the fork")
            let places = try [fork.git.directory] + PluginFork.places(parent, PluginsCommand.here)
            let text = try await TemporaryFolder.with { scratch in
                let divergence = try await PluginDivergence(fork, parentIn: places, scratch: scratch)
                if json { return divergence.json.text }
                let sides: [PluginDivergence.Side] = mine == theirs ? [.mine, .theirs] : mine ? [.mine] : [.theirs]
                return try await divergence.text(sides, isShort: stat)
            }
            print(text)
        }
    }

    struct UpdateCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Bring into a fork what its parent changed since it was made.",
            discussion: "Files that both changed are merged; conflicts are marked in the files and end the command with "
                + "status 3. Interrupted, the same command goes on, and --abort puts every file back.")
        @Argument(help: "The fork's id; its folder lies in the repository of this folder.") var id: String
        @Flag(name: .customLong("continue"), help: "The conflicts are resolved.") var proceeds = false
        @Flag(help: "Put every file back.") var abort = false
        @Option(help: "A folder in the repository of the parent.") var parent: String?
        @Option(name: .customLong("check"), help: "A command that tells whether the fork works (default: Verify of UPSTREAM.md, or a build).")
        var check: String?

        func validate() throws {
            if proceeds, abort { throw ValidationError("--continue and --abort exclude each other") }
        }

        func run() async throws {
            let update = try await PluginUpdate(PluginsCommand.id(id), directory: PluginsCommand.here) { print($0) }
            if abort { return try update.abort() }
            if proceeds { return try await update.proceed(check: check) }
            try await update.start(parentIn: PluginFork.places(parent, PluginsCommand.here), check: check)
        }
    }

    struct SyncCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sync", abstract: "Fetch, build and record the plugins of a workspace file.",
            discussion: "A recipe loads them by plugins: {workspace: FILE.yaml} (Docs/plugins.md).")
        @Argument(help: "The workspace, a YAML file.") var workspace: String
        @Flag(help: "Print the lock instead of a table.") var json = false

        func run() async throws {
            let workspace = try PluginWorkspace(workspace)
            let outcomes = try await WorkspaceSync(workspace: workspace).run()
            guard !json else { return print(try String(contentsOf: workspace.lockFile, encoding: .utf8), terminator: "") }
            let rows = outcomes.map { outcome in
                let plugin = outcome.plugin
                return [
                    plugin.id, plugin.version, plugin.entry.shown, plugin.commit.map { String($0.prefix(12)) } ?? "-",
                    String(plugin.digest.prefix(12)), outcome.seconds.map { String(format: "built (%.1f s)", $0) } ?? "unchanged",
                ]
            }
            print(TextTable(header: ["ID", "VERSION", "SOURCE", "COMMIT", "SHA256", "STATE"], rows: rows).text)
            print("use them: plugins: {workspace: \(workspace.path)}")
        }
    }

    private static func id(_ text: String) throws -> PluginID {
        do {
            return try PluginID(text)
        } catch {
            throw InputError("the plugin's id", error.message)
        }
    }
}
