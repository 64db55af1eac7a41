import Foundation
import Host
import JSON
import PluginAPI
import Testing
import Text

@Suite("tokenize and tokenizer train")
struct TokenizeTests {
    let work: DataWorkspace

    init() throws { work = try DataWorkspace() }

    @Test("every line of a text file gives its ids, empty lines too")
    func lines() throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let input = try work.file("in.txt", "the cat\r\n\n12 + 30")
        let lines = try work.run(TokenizeCommand.self, "--tokenizer", directory, "--input", input)
        let ids = try lines.map { try JSONValue(parsing: $0)["ids"]?.integers }
        #expect(ids == ["the cat", "", "12 + 30"].map { tokenizer.encode($0) })
    }

    @Test("the text of JSON lines is tokenized, into a file when asked")
    func jsonLines() throws {
        let directory = try work.tokenizer()
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: directory))
        let input = try work.file("in.jsonl", #"{"text": "a\nb"}"#)
        let output = work.path("out/ids.jsonl")
        #expect(
            try work.run(
                TokenizeCommand.self, "--tokenizer", directory + "/tokenizer.json", "--input", input, "--output", output)
                == [])
        let ids = tokenizer.encode("a\nb").map(String.init).joined(separator: ", ")
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "{\"ids\": [\(ids)]}\n")
    }

    @Test("lines without text are named, and the output stays as it was")
    func wrongLines() throws {
        let directory = try work.tokenizer()
        let input = try work.file("in.jsonl", "{\"text\": \"a\"}\n{\"x\": 1}\n[]\n")
        let output = try work.file("ids.jsonl", "old\n")
        let error = #expect(throws: InputError.self) {
            try work.run(TokenizeCommand.self, "--tokenizer", directory, "--input", input, "--output", output)
        }
        #expect(error?.problems.count == 2)
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "old\n")
    }

    @Test("a missing file and a missing tokenizer are said at once")
    func missing() throws {
        let error = #expect(throws: InputError.self) {
            try work.run(TokenizeCommand.self, "--tokenizer", "/none", "--input", "/none.txt")
        }
        #expect(error?.problems.map(\.place) == ["--input", "--tokenizer"])
        #expect(error?.problems.first?.description == "--input: found no file /none.txt\n    fix: check the path")
    }

    @Test("a tokenizer learns from the text, prompts, completions and messages of lines")
    func train() throws {
        let input = try work.file(
            "in.jsonl",
            [
                #"{"text": "zebra zebra"}"#, #"{"prompt": "yolk yolk", "completion": " 4711 4711"}"#,
                #"{"messages": [{"role": "user", "content": "quartz quartz"}]}"#,
            ].joined(separator: "\n"))
        let said = try work.run(
            TokenizerCommand.self, "train", "--input", input, "--vocab-size", "400", "--output", work.path("t"),
            "--split-digits", "--special-tokens", "<s>", "</s>")
        let tokenizer = try Tokenizer(contentsOf: URL(fileURLWithPath: work.path("t")))
        #expect(said == ["wrote a tokenizer of \(tokenizer.vocabularySize) tokens to \(work.path("t"))"])
        for word in [" zebra", " yolk", " quartz"] { #expect(tokenizer.encode(word).count == 1, "\(word)") }
        #expect(tokenizer.encode("4711").count == 4)
        #expect(tokenizer.id(of: "<s>") == 0 && tokenizer.id(of: "</s>") == 1 && tokenizer.eosTokenID == 0)
    }

    @Test("a vocabulary that is too small and a missing file are said at once")
    func wrongTraining() throws {
        let error = #expect(throws: InputError.self) {
            try work.run(
                TokenizerCommand.self, "train", "--input", work.path("none.txt"), "--vocab-size", "100", "--output",
                work.path("t"))
        }
        #expect(error?.problems.map(\.place) == ["--input", "tokenizer train"])
        #expect(error?.problems.last?.message.contains("a vocabulary size of 100 is below 259") == true)
        #expect(!work.exists("t"))
    }
}

/// The real tokenizers beside the package, which only some machines have.
private enum SharedTokenizers {
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: #filePath)  // Tests/HostTests/TokenizeTests.swift
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    static let isPresent = FileManager.default.fileExists(atPath: root.appendingPathComponent("tok-goldens").path)
}

extension TokenizeTests {
    @Test(
        "the ids of all golden texts equal those of the reference",
        .enabled(if: SharedTokenizers.isPresent, "the shared data set is absent; set FORKTAIL_SHARED_DATA"))
    func goldens() throws {
        let goldens = SharedTokenizers.root.appendingPathComponent("tok-goldens/goldens.json")
        let rows = try JSONValue(parsing: String(contentsOf: goldens, encoding: .utf8))["gpt2"]?["rows"]?.array ?? []
        #expect(rows.count == 41)
        let input = try work.file(
            "in.jsonl",
            rows.map { JSONValue.object([.init("text", $0["text"] ?? .null)]).text + "\n" }.joined())
        let lines = try work.run(
            TokenizeCommand.self, "--tokenizer", SharedTokenizers.root.path + "/tok-gpt2/tokenizer.json", "--input", input)
        #expect(try lines.map { try JSONValue(parsing: $0)["ids"]?.integers } == rows.map { $0["ids"]?.integers })
    }
}
