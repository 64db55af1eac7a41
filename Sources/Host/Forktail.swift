import ArgumentParser
import Core
import Foundation
import PluginAPI

/// The command line of forktail: what the executable runs, and what a host of your own can run with more plugins.
public enum Forktail {
    /// The plugins that are linked in: the built-in ones, and what a host of your own adds before it calls `main`.
    static var compiledPlugins: [CompiledPlugin] { CompiledPlugins.current }

    /// Runs the command line's command and ends the process with its status.
    /// - Parameter plugins: what is linked in; a host of your own passes `BuiltinPlugins.all + [...]`.
    public static func main(
        _ arguments: [String] = Array(CommandLine.arguments.dropFirst()), plugins: [CompiledPlugin] = BuiltinPlugins.all
    ) -> Never {
        exit(CompiledPlugins.$current.withValue(plugins) { run(arguments) }.rawValue)
    }

    /// Runs a command.
    /// - Returns: its status; everything worth saying has been printed.
    public static func run(_ arguments: [String]) -> ExitStatus {
        do {
            var command = try RootCommand.parseAsRoot(arguments)
            try Machine.checkThreadCount()
            if command is any AsyncParsableCommand {
                // Read once more where it runs: a command belongs to the thread that made it.
                try AsyncWork.wait {
                    guard var command = try RootCommand.parseAsRoot(arguments) as? any AsyncParsableCommand else { return }
                    try await command.run()
                }
            } else {
                try command.run()
            }
            return .done
        } catch let ended as CommandEnded {
            return ended.status
        } catch {
            return report(error)
        }
    }

    private static func report(_ error: any Error) -> ExitStatus {
        let status = RootCommand.exitCode(for: error)
        let isParserError = error is ValidationError || "\(type(of: error))" == "CommandError"
        guard isParserError || status == .success else {
            StandardError.write("error: \(error)")
            return ExitStatus(of: error)
        }
        let text = RootCommand.fullMessage(for: error)
        guard status != .success else {
            print(text)
            return .done
        }
        StandardError.write(text)
        return .wrongInput
    }
}

struct RootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forktail", abstract: "Trains language models with plugins loaded by name.",
        version: Release.version,
        subcommands: [
            TrainCommand.self, LaunchCommand.self, ScoreCommand.self, GenerateCommand.self, EvaluateCommand.self,
            TokenizeCommand.self, TokenizerCommand.self, DataCommand.self, MemoryCommand.self, ParallelCommand.self,
            PluginsCommand.self, ForkGroup.self, CompareCommand.self, BenchCommand.self, DoctorCommand.self,
        ])
}
