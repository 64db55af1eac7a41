import ArgumentParser
import DataLoader

/// `forktail data verify`: opens every shard, checks it against the index, and reads the head of every sample.
struct DataVerifyCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every shard of a data set.",
        discussion: "Exit code 3 says that shards are missing or damaged, 2 that the index cannot be read.")

    @Argument(help: "The directory that holds index.json.")
    var directory: String

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Report: Encodable {
        let location: String
        let shardCount: Int
        let sampleCount: Int
        let problems: [String]
        let withoutChecksum: [String]
    }

    func run(to output: ResultOutput) throws {
        // Every problem is reported at the end, so the running log stays quiet.
        let data = try MDSDataset(directory: directory, log: DataEventLog { _ in })
        let problems = data.verify()
        let report = Report(
            location: data.location, shardCount: data.layout.shardCount, sampleCount: data.count,
            problems: problems.map(\.description), withoutChecksum: data.unverifiableShards)
        if json { try output.json(report) } else { try write(report, to: output) }
        guard problems.isEmpty else {
            try output.finish()
            throw CommandEnded(status: .answerIsNo)
        }
    }

    private func write(_ report: Report, to output: ResultOutput) throws {
        for problem in report.problems { try output.line(problem) }
        if !report.withoutChecksum.isEmpty {
            StandardError.write(
                "\(report.withoutChecksum.count) shards have no checksum that can be computed: only their form was checked")
        }
        let verdict = report.problems.isEmpty ? "all good" : "\(report.problems.count) problems"
        try output.line("\(verdict): \(report.shardCount) shards, \(report.sampleCount) samples in \(report.location)")
    }
}
