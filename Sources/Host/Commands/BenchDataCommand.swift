import ArgumentParser
import DataLoader
import JSON

/// `forktail bench data`: how fast one process reads a data set through the loader.
struct BenchDataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "How fast one process reads a data set (the figures of `data bench`).",
        discussion: "The data set is read once in stored order, for thirty seconds at most.")

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("data")
        let figures = try DatasetBenchmark(directory: directory)
        var report = BenchReport("data", threads: 1, [.init("directory", .string(directory))])
        report.add("samples_per_second", figures.samplesPerSecond)
        report.add("tokens_per_second", figures.tokensPerSecond, "integers of array columns")
        report.add("bytes_per_second", figures.bytesPerSecond, "of values, all columns")
        report.add("samples", figures.samples)
        report.add("seconds", figures.seconds)
        report.add("data_wait_seconds", figures.waitSeconds, "of a consumer that only adds up token ids")
        report.add("resident_bytes", figures.residentBytes)
        report.add("memory_peak_bytes", figures.residentBytes, "resident memory of the process")
        try options.publish(report, comparedWith: baseline)
    }
}
