import ArgumentParser
import Forks

/// `forktail fork export`: the fork's commits as patches.
struct ForkExportCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the fork's commits as patches, their order and a table of the changes.",
        discussion: "The same commits give the same bytes. A folder that holds an export is brought up to date.")

    @Flag(help: "Add Debian's patch headers (DEP-3).")
    var dep3 = false

    @Argument(help: "The folder to write.")
    var folder: String

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let series = try await PatchSeries(repository, dep3: dep3)
        try SeriesFolder(folder).write(series)
        try output.line("wrote \(folder): patches: \(series.patches.count)")
    }
}
