import ArgumentParser
import DataLoader
import Foundation
import JSON
import PluginAPI
import Text

/// `forktail bench tokenize`: how fast a tokenizer turns a file into ids.
struct BenchTokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "How fast a tokenizer encodes the documents of a file.",
        discussion: """
            Documents are the field text of each line of a .jsonl file, and paragraphs (up to an empty line) of any other. \
            The file is encoded five times with a merge cache that starts empty, and five times with the one then full.
            """)

    @Option(help: "A tokenizer.json, or the directory that holds one.")
    var tokenizer: String

    @Option(help: "The file to encode, .jsonl or text.")
    var input: String

    @Option(help: "Threads (default: FORKTAIL_THREADS, or all cores).")
    var threads: Int?

    @OptionGroup var options: BenchOptions

    private static let repetitions = 5

    func run() throws {
        let baseline = try options.check("tokenize")
        let threads = threads ?? Machine.threadCount
        if threads < 1 { throw InputError("--threads", "found \(threads), expected at least 1") }
        let documents = try documents()
        let byteCount = documents.reduce(0) { $0 + $1.utf8.count }
        if byteCount == 0 { throw InputError("--input", "\(input) holds no text", fix: "name a file that holds text") }
        var (cold, warm, tokenCount) = ([Double](), [Double](), 0)
        for _ in 0..<BenchTokenizeCommand.repetitions {
            let tokenizer = try loaded()
            for warmth in 0..<2 {
                var ids: [[Int32]] = []
                let seconds = Stopwatch.seconds {
                    ids = tokenizer.encode(documents, addSpecialTokens: false, threads: threads)
                }
                tokenCount = ids.reduce(0) { $0 + $1.count }
                if warmth == 0 { cold.append(seconds) } else { warm.append(seconds) }
            }
        }
        let seconds = Stopwatch.median(cold)
        var report = BenchReport(
            "tokenize", threads: threads, [.init("tokenizer", .string(tokenizer)), .init("input", .string(input))])
        report.add(
            "megabytes_per_second", Double(byteCount) / seconds / 1e6, "UTF-8, median of 5, merge cache empty at first")
        report.add("warm_megabytes_per_second", Double(byteCount) / Stopwatch.median(warm) / 1e6, "the same text again")
        report.add("tokens_per_second", Double(tokenCount) / seconds)
        report.add("seconds", seconds)
        report.add("tokens", tokenCount)
        report.add("documents", documents.count)
        report.add("bytes", byteCount)
        report.add("data_wait_seconds", 0.0, "the text lies in memory")
        report.add("memory_peak_bytes", Machine.peakResidentBytes, "resident memory of the process")
        report.add("threads", threads)
        try options.publish(report, comparedWith: baseline)
    }

    private func loaded() throws -> Tokenizer {
        do {
            return try Tokenizer(contentsOf: URL(fileURLWithPath: tokenizer))
        } catch let error as TokenizerError {
            throw InputError("--tokenizer", error.message, fix: error.hint)
        }
    }

    private func documents() throws -> [String] {
        if InputFiles.File(input)?.isJSONLines == true {
            let lines = try JSONLinesSource(files: [input])
            return try (0..<lines.count).map { try lines.sample(at: $0).column("text").string() }
        }
        // Cut between bytes, not between characters: an empty line ends a paragraph whatever comes next.
        let paragraphs = Array(try WholeFile.read(input).utf8).split(separator: Array("\n\n".utf8))
        return paragraphs.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.allSatisfy(\.isWhitespace) }
    }
}
