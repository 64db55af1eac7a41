import ArgumentParser
import DataLoader
import Foundation

/// `forktail data bench`: how fast one process reads a data set through the loader.
struct DataBenchCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast one process reads a data set.",
        discussion: "The data set is read once in stored order, for thirty seconds at most.")

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run(to output: ResultOutput) throws {
        let figures = try DatasetBenchmark(directory: directory)
        if json { return try output.json(figures) }
        func number(_ value: Double) -> String { String(format: "%.0f", value) }
        try output.line("samples/s  \(number(figures.samplesPerSecond))")
        try output.line("tokens/s   \(number(figures.tokensPerSecond))")
        try output.line("MB/s       \(number(figures.bytesPerSecond / 1e6))")
        try output.line("resident   \(number(Double(figures.residentBytes) / 1e6)) MB")
        try output.line("data wait  \(number(100 * figures.waitSeconds / figures.seconds)) % of the time")
    }
}
