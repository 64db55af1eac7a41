package import ArgumentParser
import DataLoader
import Foundation
import PluginAPI
import Text

/// `forktail tokenize`: the token ids of every line.
package struct TokenizeCommand: ResultCommand {
    package static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Print the token ids of every line of a file: {\"ids\": [...]}.",
        discussion: "A line of a .jsonl file is an object, of which the field text is tokenized; any other line is text.")

    @Option(help: "A tokenizer.json, or the directory that holds one.")
    var tokenizer: String

    @Option(help: "The file to read.")
    var input: String

    @Option(help: "The JSONL file to write (default: standard output).")
    var output: String?

    package init() {}

    package func run(to standard: ResultOutput) throws {
        let tokenizer = try checkedTokenizer()
        let output = try output.map { try ResultOutput(file: $0) } ?? standard
        var problems = LineProblems()
        // Lines are encoded many at a time, on all threads.
        var waiting: [String] = []
        var waitingBytes = 0
        func flush() throws {
            for ids in tokenizer.encode(waiting, threads: Machine.threadCount) {
                try output.line("{\"ids\": [\(ids.lazy.map { String($0) }.joined(separator: ", "))]}")
            }
            (waiting, waitingBytes) = ([], 0)
        }
        func write(_ text: String) throws {
            waiting.append(text)
            waitingBytes += text.utf8.count
            if waitingBytes >= 4 << 20 { try flush() }
        }
        if InputFiles.File(input)?.isJSONLines == true {
            let lines = try JSONLinesSource(files: [input])
            for number in 0..<lines.count {
                _ = try problems.collect(at: "--input") { try write(lines.sample(at: number).column("text").string()) }
            }
        } else {
            try TextFile(path: input).forEachLine { line, _ in try write(line) }
        }
        try flush()
        try problems.check()
        if self.output != nil { try output.finish() }
    }

    private func checkedTokenizer() throws -> Tokenizer {
        var problems: [InputProblem] = []
        if !FileManager.default.fileExists(atPath: input) {
            problems.append(InputProblem("--input", "found no file \(input)", fix: "check the path"))
        }
        do {
            let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: tokenizer))
            if problems.isEmpty { return tokenizer }
        } catch let error as TokenizerError {
            problems.append(InputProblem("--tokenizer", error.message, fix: error.hint))
        }
        throw InputError(problems)
    }
}
