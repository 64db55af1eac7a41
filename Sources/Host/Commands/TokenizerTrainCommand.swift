package import ArgumentParser
import DataLoader
import Foundation
import PluginAPI
import Text

/// `forktail tokenizer ...`.
package struct TokenizerCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Make tokenizers.", subcommands: [TokenizerTrainCommand.self])

    package init() {}
}

/// `forktail tokenizer train`: learns a byte-level BPE vocabulary.
struct TokenizerTrainCommand: ResultCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Learn a byte-level BPE tokenizer and write tokenizer.json.",
        discussion: """
            Of the lines of .jsonl files the text is read, or else the messages, or else prompt and completion; .txt files \
            are read whole.
            """)

    @Option(parsing: .upToNextOption, help: "Files (.jsonl, .jsonl.gz, .txt) or directories of such files.")
    var input: [String]

    @Option(name: .customLong("vocab-size"), help: "Tokens in all: special tokens, 256 bytes, and merges.")
    var vocabularySize: Int

    @Option(help: "The directory to write.")
    var output: String

    @Flag(name: .customLong("split-digits"), help: "Make every digit a token of its own.")
    var splitDigits = false

    @Option(
        name: .customLong("special-tokens"), parsing: .upToNextOption,
        help: """
            Tokens that get the first ids. <|endoftext|>, or else the first of them, ends texts \
            (default: <|endoftext|> <|im_start|> <|im_end|>).
            """)
    var specialTokens: [String] = []

    func run(to output: ResultOutput) throws {
        var problems: [InputProblem] = []
        var files: [InputFiles.File] = []
        do {
            files = try InputFiles(input).files
        } catch let error as InputError {
            problems += error.problems
        }
        var trainer: BPETrainer?
        do {
            trainer = try BPETrainer(options)
        } catch let error as TokenizerError {
            problems.append(InputProblem("tokenizer train", error.message, fix: error.hint))
        }
        guard problems.isEmpty, var trainer else { throw InputError(problems) }
        try add(files, to: &trainer)
        let tokenizer = try trainer.train()
        let size = tokenizer.vocabularySize
        if size < vocabularySize {
            StandardError.write("the text has no more pairs to merge: \(size) tokens instead of \(vocabularySize)")
        }
        try tokenizer.save(to: URL(fileURLWithPath: self.output))
        try output.line("wrote a tokenizer of \(size) tokens to \(self.output)")
    }

    private var options: BPETrainer.Options {
        var options = BPETrainer.Options(vocabularySize: vocabularySize, splitDigits: splitDigits)
        guard let first = specialTokens.first else { return options }
        let end = specialTokens.contains("<|endoftext|>") ? "<|endoftext|>" : first
        options.specialTokens = specialTokens
        options.configuration = TokenizerConfiguration(eosToken: end, padToken: end)
        return options
    }

    private func add(_ files: [InputFiles.File], to trainer: inout BPETrainer) throws {
        var problems = LineProblems()
        var isEmpty = true
        for file in files {
            guard file.isJSONLines else {
                try TextFile(path: file.path).forEachPiece { piece, _ in
                    isEmpty = isEmpty && piece.isEmpty
                    trainer.add(piece)
                }
                continue
            }
            let lines = try JSONLinesSource(files: [file.path])
            for number in 0..<lines.count {
                let texts = try problems.collect(at: "--input") { try self.texts(of: lines.sample(at: number)) } ?? []
                for text in texts { trainer.add(text) }
                isEmpty = isEmpty && texts.allSatisfy(\.isEmpty)
            }
        }
        try problems.check()
        if isEmpty { throw InputError("--input", "holds no text", fix: "name files that hold text") }
    }

    private func texts(of sample: Sample) throws -> [String] {
        if let text = sample["text"] { return [try text.string()] }
        if let messages = sample["messages"] { return try ChatMessages.read(messages, of: sample).map(\.content) }
        let texts = try ["prompt", "completion"].compactMap { try sample[$0]?.string() }
        guard !texts.isEmpty else {
            throw SampleError(
                sample: sample.id, column: "text",
                problem: "expected text, messages, or prompt and completion; it has "
                    + sample.columnNames.joined(separator: ", "))
        }
        return texts
    }
}
