import ArgumentParser
import Forks

/// `forktail fork import`: a branch from an exported series.
struct ForkImportCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a branch of an exported series, on the base that it was exported from.")

    @Argument(help: "The folder that an export wrote.")
    var folder: String

    @Option(help: "The branch to make.")
    var branch = "fork/imported"

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let count = try await SeriesImport(repository, folder: SeriesFolder(folder), branch: branch).run()
        try output.line("branch \(branch): commits: \(count)")
    }
}
