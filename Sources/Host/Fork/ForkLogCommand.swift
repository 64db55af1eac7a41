import ArgumentParser
import Forks

/// `forktail fork log`: the fork's commits, by change.
struct ForkLogCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "The fork's commits on top of its base, by change.")

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let report = try await LogReport(repository)
        if json { return try output.json(report) }
        for (place, group) in report.groups.enumerated() {
            let title = [group.slug ?? "(no change)", group.status, group.summary].compactMap { $0 }
            try output.line((place > 0 ? "\n" : "") + title.joined(separator: "  "))
            for commit in group.commits {
                try output.line("  \(commit.hash.prefix(8))  \(commit.day)  \(commit.subject)")
            }
        }
    }
}
