import ArgumentParser
import Forks

/// `forktail fork diff`: what the fork differs in from its base.
struct ForkDiffCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What differs from the base: plugins, upstream's own sources, and the rest.",
        discussion: "Of one change: what differs in the files that its commits touch.")

    @Argument(help: "A change's name (default: all).")
    var slug: String?

    @Flag(help: "A table of files in place of the difference.")
    var stat = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let report = try await DiffReport(repository, slug: slug, table: stat)
        if json { return try output.json(report) }
        for area in report.areas {
            let (added, removed) = area.files.reduce((0, 0)) { ($0.0 + $1.added, $0.1 + $1.removed) }
            try output.line("== \(area.area.rawValue): files: \(area.files.count), +\(added) -\(removed)")
            try output.line(area.text)
        }
    }
}
