import ArgumentParser
import Forks
import Foundation

/// A command that works on the fork around the current folder.
///
/// The git commands that change something are printed on standard error; with `--verbose` all are.
protocol ForkCommand: ParsableCommand, Sendable {
    var options: ForkOptions { get }

    /// Does the work; results go to `output`.
    func run(_ repository: ForkRepository, to output: ResultOutput) async throws
}

/// What every command of `forktail fork` understands.
struct ForkOptions: ParsableArguments, Sendable {
    @Flag(help: "Print every git command that runs, not only those that change something.")
    var verbose = false

    /// Today, where the user is.
    var today: Day {
        let date = Calendar.current.dateComponents([.year, .month, .day], from: Date())
        let text = String(format: "%04d-%02d-%02d", date.year ?? 1970, date.month ?? 1, date.day ?? 1)
        return Day(text) ?? Day(number: 0)
    }
}

extension ForkCommand {
    func run() throws {
        let verbose = options.verbose
        try AsyncWork.wait { [self] in
            let repository = try await ForkRepository(FileManager.default.currentDirectoryPath) { command in
                if verbose || command.changes { StandardError.write("$ \(command)") }
            }
            let output = ResultOutput()
            do {
                try await run(repository, to: output)
            } catch {
                // What was found before is told too.
                try output.finish()
                throw error
            }
            try output.finish()
        }
    }
}
