import ArgumentParser
import DataLoader
import JSON
import PluginAPI

/// `forktail data cat`: shows samples.
struct DataCatCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Show samples of a data set in stored order.",
        discussion: "With --json one object a sample: arrays as (nested) lists, bytes as {\"base64\": \"...\"}.")

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @Option(help: "The first sample, counted from 0.")
    var from = 0

    @Option(help: "How many samples (default: all that follow).")
    var count: Int?

    @Flag(help: "Print one JSON object a sample.")
    var json = false

    func run(to output: ResultOutput) throws {
        let data = try MDSDataset(directory: directory)
        var problems: [InputProblem] = []
        if from < 0 || from > data.count {
            problems.append(InputProblem("--from", "found \(from), expected 0 to \(data.count), the number of samples"))
        }
        if let count, count < 0 { problems.append(InputProblem("--count", "found \(count), expected 0 or more")) }
        guard problems.isEmpty else { throw InputError(problems) }
        let end = count.map { min(data.count - from, $0) + from } ?? data.count
        for number in from..<end {
            let sample = try data.sample(at: number)
            if json { try output.line(sample.display().text) } else { try show(sample, on: output) }
        }
    }

    private func show(_ sample: Sample, on output: ResultOutput) throws {
        try output.line("sample \(sample.index)")
        for column in sample.columns {
            let text = column.display().text
            let shown = text.count > 200 ? text.prefix(200) + "..." : text[...]
            try output.line("  \(column.name) (\(column.encoding.name)): \(shown)")
        }
    }
}
