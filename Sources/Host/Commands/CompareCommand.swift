import ArgumentParser
import Core
import Foundation
import JSON

/// `forktail compare`: runs side by side.
struct CompareCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Loss, reward and throughput of runs, with confidence over seeds.",
        discussion: "Runs whose recipes and plugins are equal but for the seed form a group; a group's figure is the mean "
            + "over its runs with the 95 % interval by Student's t, a star marks a difference beyond its interval "
            + "(Docs/compare.md).")

    @Argument(help: "Directories of runs.")
    var runs: [String]

    @Option(name: .customLong("metric"), help: "A figure of metrics.jsonl; may be given several times.")
    var metrics: [String] = []

    @Option(help: "Draw all steps: FILE.svg.")
    var svg: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run(to output: ResultOutput) throws {
        var problems = InputProblems()
        let records = try runs.compactMap { path in try problems.attempt(path) { try RunRecord(path) } }
        try problems.end()
        let comparison = try RunComparison(records, metrics: metrics)
        try output.line(json ? comparison.json.text : comparison.text)
        for note in comparison.notes { StandardError.write("note: \(note)") }
        if let svg {
            try AtomicFile.write(Data(comparison.svg.utf8), to: svg)
            StandardError.write("plot: \(svg)")
        }
    }
}
