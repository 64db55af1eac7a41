import ArgumentParser
import Forks

/// `forktail fork status`: where the fork stands.
struct ForkStatusCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Where the fork stands: its base, its changes, what upstream has done since.",
        discussion: "Nothing is fetched; upstream is what was fetched last.")

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let report = try await StatusReport(repository, today: options.today)
        if json { return try output.json(report) }
        try output.line("upstream  \(report.upstream), \(report.tracking)")
        try output.line("base      \((report.baseTag.map { "\($0) " } ?? "") + report.base.prefix(8)), synced \(report.lastSync)")
        try output.line("branch    \(report.branch ?? "none (HEAD is detached)")")
        try output.line("ahead     \(report.ahead) commits, changes: \(report.changes.count)")
        try output.line("behind    \(report.behind) commits")
        if !report.changes.isEmpty { try output.line("\n" + ForkStatusCommand.table(report.changes).text) }
        for notice in report.notices { try output.line("\n\(notice)") }
    }

    private static func table(_ changes: [ChangeSummary]) -> TextTable {
        TextTable(
            header: ["CHANGE", "KIND", "STATUS", "COMMITS", "LINES", "AGE"],
            rows: changes.map { change in
                [
                    change.slug, change.kind ?? "no entry", change.upstreamHasIt ? "upstream has it" : change.status ?? "",
                    "\(change.commits)", "\(change.lines)", "\(change.ageDays) d",
                ]
            })
    }
}
