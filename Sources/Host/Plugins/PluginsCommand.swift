public import ArgumentParser
import Foundation
import PluginAPI

/// `forktail plugins`.
public struct PluginsCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "plugins", abstract: "List, explain, make and build plugins.",
        subcommands: [
            ListCommand.self, InfoCommand.self, ExplainCommand.self, ValidateCommand.self, NewCommand.self,
            BuildCommand.self, ForkCommand.self, DiffCommand.self, UpdateCommand.self, SyncCommand.self, SDKCommand.self,
        ])

    public init() {}

    /// Which plugins a command sees.
    struct Selection: ParsableArguments {
        @Option(name: .customLong("plugin"), help: "A plugin file or folder; may be given several times.")
        var paths: [String] = []
        @Option(help: "A workspace file, whose plugins are seen as `plugins sync` built them.") var workspace: String?
        @Option(help: "An id that may replace others (plugins.use); may be given several times.")
        var use: [String] = []
        @Option(help: "An id to leave out (plugins.block); may be given several times.")
        var block: [String] = []

        func catalog() throws -> PluginCatalog {
            PluginCatalog(
                compiled: CompiledPlugins.current,
                settings: PluginSettings(
                    commandLine: paths, workspace: try workspace.map { try PluginWorkspace($0).built() } ?? [], use: use,
                    block: block))
        }
    }

    struct ListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Every plugin and its state.")
        @Option(help: "Only this kind.") var kind: PluginKind?
        @Flag(help: "One JSON array.") var json = false
        @Flag(name: .customLong("load"), help: "Load every plugin in use, which shows what manifests do not.") var loads = false
        @OptionGroup var selection: Selection

        func run() throws {
            let listing = loads
                ? PluginListing(try RegistryBuilder(selection.catalog()).build(), kind: kind)
                : PluginListing(try selection.catalog(), kind: kind)
            print(json ? listing.json : listing.text)
        }
    }

    struct InfoCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "info", abstract: "One plugin: its manifest, state and settings.")
        @Argument(help: "publisher.kind.name") var id: String
        @OptionGroup var selection: Selection

        func run() throws { print(try PluginReport(selection.catalog()).info(id)) }
    }

    struct ExplainCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain", abstract: "Why a name means what it means.")
        @Argument var kind: PluginKind
        @Argument var name: String
        @OptionGroup var selection: Selection

        func run() throws { print(try PluginReport(selection.catalog()).explain(kind, name)) }
    }

    struct ValidateCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "validate", abstract: "Whether a plugin's folder or file can be used.")
        @Argument(help: "A folder with plugin.json, or a .so file.") var path: String

        func run() throws {
            print(try PluginValidation.run(URL(filePath: path), shown: path, compiled: CompiledPlugins.current))
        }
    }

    struct NewCommand: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "new", abstract: "Write a plugin to start from.")
        @Argument var kind: PluginKind
        @Argument(help: "publisher.kind.name") var id: String
        @Option(help: "The folder to write; its name is the plugin's when left out.") var into: String?

        func run() throws {
            let scaffold = try PluginScaffold(kind, id)
            let folder = URL(filePath: into ?? scaffold.typeName)
            try scaffold.write(to: folder)
            let steps = scaffold.command.split(separator: "\n").map { $0.drop { $0 == " " } }
            print(
                (["wrote \(folder.relativePath)", "next, in that folder:", "  forktail plugins build ."] + steps.map { "  \($0)" })
                    .joined(separator: "\n"))
        }
    }

    struct BuildCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "build", abstract: "Compile a plugin's folder into a file that this forktail loads.")
        @Argument(help: "The folder with plugin.json and the sources.") var folder: String
        @Option(name: .shortAndLong, help: "The file to write; <id>.so in the folder when left out.") var output: String?

        func run() throws {
            let result = try PluginBuilder().build(URL(filePath: folder), output: output.map { URL(filePath: $0) })
            print(
                """
                built \(result.library.relativePath) (\(String(format: "%.1f", result.seconds)) s)
                use it: plugins: {paths: [\(result.library.relativePath)]}
                """)
        }
    }

    struct SDKCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sdk", abstract: "What plugins are compiled against.", subcommands: [ExportCommand.self])
    }

    struct ExportCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Copy modules, headers and fingerprint into a folder.")
        @Argument var folder: String

        func run() async throws {
            let sdk = try PluginSDK.find()
            try sdk.export(to: URL(filePath: folder), commit: await sdk.pluginCommit())
            print("wrote \(folder)\nuse it: export FORKTAIL_SDK=\(URL(filePath: folder).path)")
        }
    }
}

extension PluginKind: ExpressibleByArgument {}
