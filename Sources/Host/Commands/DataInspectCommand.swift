import ArgumentParser
import DataLoader

/// `forktail data inspect`: what is in a sharded data set, from its index alone.
struct DataInspectCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what is in a sharded data set.")

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run(to output: ResultOutput) throws {
        let report = DatasetReport(try MDSDataset(directory: directory))
        if json { return try output.json(report) }
        try output.line("data set     \(report.location)")
        try output.line("fingerprint  \(report.fingerprint)")
        try output.line("samples      \(report.sampleCount)")
        try output.line("shards       \(report.shardCount)")
        try output.line("bytes        \(report.rawBytes), stored as \(report.storedBytes)")
        try output.line("compression  \(DataInspectCommand.list(report.compressions))")
        try output.line("checksums    \(DataInspectCommand.list(report.hashes))")
        for schema in report.schemas {
            try output.line("columns      \(schema.map { "\($0.name): \($0.encoding)" }.joined(separator: ", "))")
        }
    }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}
