import ArgumentParser
import DataLoader
import Foundation
import PluginAPI
import Text

/// `forktail data shard`: turns text files into an MDS data set, as token ids or as they are.
struct DataShardCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "shard", abstract: "Turn JSONL or text files into a sharded data set.",
        discussion: """
            With --tokenizer samples are token ids: the columns input_ids and, for prompts with completions and for \
            conversations, labels (-100 = not trained). One sample a document; with --sequence-length documents are \
            laid end to end, an end-of-text token between, and cut into samples of that length. A .txt file is one \
            document. Without --tokenizer the fields of the lines become columns.
            """)

    @Option(parsing: .upToNextOption, help: "Files (.jsonl, .jsonl.gz, .txt) or directories of such files.")
    var input: [String]

    @Option(help: "The directory to write; it must not hold a data set.")
    var output: String

    @Option(help: "A directory with a tokenizer.json, or the file.")
    var tokenizer: String?

    @Option(name: .customLong("sequence-length"), help: "Tokens of a sample.")
    var sequenceLength: Int?

    @Option(help: "zstd[:LEVEL] | gz[:LEVEL] | none.")
    var compression = "zstd:3"

    @Option(
        parsing: .upToNextOption,
        help: "Encodings NAME=ENCODING, e.g. text=str input_ids=ndarray:uint16 (default: by the values).")
    var column: [String] = []

    func run(to output: ResultOutput) throws {
        var problems: [InputProblem] = []
        func checked<Value>(_ body: () throws -> Value) throws -> Value? {
            do {
                return try body()
            } catch let error as InputError {
                problems += error.problems
            } catch let error as DataError {
                problems.append(InputProblem("--compression", error.message, fix: error.hint))
            } catch let error as TokenizerError {
                problems.append(InputProblem("--tokenizer", error.message, fix: error.hint))
            }
            return nil
        }
        let files = try checked { try InputFiles(input).files }
        let compression = try checked { try self.compression == "none" ? nil : Compression(self.compression) } ?? nil
        let columns = try checked { try ColumnOptions(column).encodings }
        let tokenizer = try self.tokenizer.flatMap { path in
            try checked { try Tokenizer(contentsOf: URL(fileURLWithPath: path)) }
        }
        if let sequenceLength, sequenceLength < 2 {
            problems.append(InputProblem("--sequence-length", "found \(sequenceLength), expected 2 or more"))
        }
        if sequenceLength != nil && self.tokenizer == nil {
            problems.append(
                InputProblem("--sequence-length", "needs token ids", fix: "add --tokenizer DIR"))
        }
        guard problems.isEmpty, let files, let columns else { throw InputError(problems) }
        let target = ShardTarget(directory: self.output, compression: compression, encodings: columns)
        let result = try tokenizer.map {
            try TokenSharder(tokenizer: $0, sequenceLength: sequenceLength, target: target).write(files)
        } ?? ColumnSharder(target: target).write(files)
        try output.line(
            "wrote \(result.samples) samples" + (result.tokens.map { " of \($0) tokens" } ?? "")
                + " in \(result.shards) shards to \(self.output)")
    }
}

/// Where samples go, and how.
struct ShardTarget {
    let directory: String
    let compression: Compression?
    /// What `--column` says.
    let encodings: [String: ColumnEncoding]

    /// Opens the writer. Encodings for columns that do not exist are problems.
    func writer(columns: [String: ColumnEncoding]) throws -> MDSWriter {
        let problems = encodings.keys.sorted().filter { columns[$0] == nil }.map { name in
            let near = NearestName.of(name, in: columns.keys).map { "did you mean '\($0)'? " } ?? ""
            return InputProblem(
                "--column", "there is no column '\(name)'; \(near)columns: \(columns.keys.sorted().joined(separator: ", "))")
        }
        guard problems.isEmpty else { throw InputError(problems) }
        // The loader reads shards of up to 8 MiB ahead and holds several, so memory stays small.
        return try MDSWriter(
            directory: directory, columns: columns.merging(encodings) { $1 }, compression: compression,
            sizeLimit: 8 << 20)
    }
}

/// What was written.
struct ShardResult {
    let samples: Int
    let tokens: Int?
    let shards: Int
}
