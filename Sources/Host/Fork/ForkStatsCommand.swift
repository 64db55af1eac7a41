import ArgumentParser
import Core
import Forks
import Foundation

/// `forktail fork stats`: what the fork costs to carry.
struct ForkStatsCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Changes, lines, ages and statuses in numbers.",
        discussion: "With --append, a line of JSON is added to a file: the trend over the months.")

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Add the JSON object as a line to FILE.")
    var append: String?

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let report = try await StatsReport(repository, today: options.today)
        if let append { try ForkStatsCommand.add(report, to: append) }
        if json { return try output.json(report) }
        try output.line("changes       \(report.changes) (commits: \(report.commits))")
        try output.line("lines         \(report.lines), of them in Sources \(report.coreLines)")
        try output.line("core patches  \(report.corePatches) of \(report.maxCorePatches)")
        try output.line("median age    \(report.medianAgeDays) d")
        try output.line("by status     \(ForkStatsCommand.text(report.byStatus))")
        try output.line("by kind       \(ForkStatsCommand.text(report.byKind))")
    }

    private static func text(_ counts: [String: Int]) -> String {
        counts.isEmpty ? "none" : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    /// Adds a line; a file whose last line was cut off is not continued in that line.
    private static func add(_ report: StatsReport, to path: String) throws {
        var old = FileManager.default.contents(atPath: path) ?? Data()
        if let last = old.last, last != UInt8(ascii: "\n") { old.append(UInt8(ascii: "\n")) }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(old + encoder.encode(report) + Data("\n".utf8), to: path)
    }
}
