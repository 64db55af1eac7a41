import Foundation
import Testing
import Text

@Suite("A file that does not load says why")
struct TokenizerErrorTests {
    @Test("a missing file or directory, and a directory without a tokenizer")
    func missingFiles() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        #expect(
            message { try Tokenizer(contentsOf: directory) }
                == "reading a tokenizer from \(directory.path) failed: there is no such file or directory")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: directory) } }
        #expect(
            message { try Tokenizer(contentsOf: directory) }
                == "reading a tokenizer from \(directory.path) failed: the directory has no tokenizer.json")
    }

    @Test(
        "text that is not JSON",
        arguments: [
            ("", 1, "a value"),
            ("{\n\"a\": 1,\n}", 3, "a key in double quotes"),
            ("[1, 2", 1, "',' or ']' after an element"),
            ("{\"a\" 1}", 1, "':' after a key"),
            ("[\"\\x\"]", 1, "an escape of JSON"),
            ("[\"\\ud800\"]", 1, "a surrogate pair"),
            ("[\"open]", 1, "a closing quote"),
            ("[1.2.3]", 1, "a value"),
            ("{} {}", 1, "the end of the file"),
            (String(repeating: "[", count: 1000), 1, "at most 256 levels of nesting"),
        ])
    func malformedJSON(text: String, line: Int, expected: String) {
        #expect(
            message { try Tokenizer(files: ["tokenizer.json": Data(text.utf8)]) }
                == "parsing tokenizer.json failed at line \(line): expected \(expected)")
    }

    @Test("bytes that are not UTF-8")
    func invalidUTF8() {
        #expect(
            message { try Tokenizer(files: ["tokenizer.json": Data([0x7B, 0xFF, 0x7D])]) }
                == "parsing tokenizer.json failed: its bytes are not UTF-8")
        var files = TinyTokenizer().files
        files["tokenizer_config.json"] = Data([0xC0, 0x80])
        #expect(
            message { try Tokenizer(files: files) } == "parsing tokenizer_config.json failed: its bytes are not UTF-8")
        files["tokenizer_config.json"] = nil
        files["chat_template.jinja"] = Data([0xC0, 0x80])
        #expect(
            message { try Tokenizer(files: files) } == "parsing chat_template.jinja failed: its bytes are not UTF-8")
    }

    @Test("components that do not load are named with those that do")
    func unsupportedComponents() {
        #expect(
            message { try TinyTokenizer(preTokenizer: #"{"type":"Metaspace"}"#).load() }
                == "pre_tokenizer of tokenizer.json has the type Metaspace; supported here: ByteLevel, Digits, "
                + "Punctuation, Sequence, Split, Whitespace, WhitespaceSplit")
        #expect(
            message {
                try TinyTokenizer(normalizer: #"{"type":"Sequence","normalizers":[{"type":"Precompiled"}]}"#).load()
            }
                == "normalizer.normalizers[0] of tokenizer.json has the type Precompiled; supported here: Lowercase, "
                + "NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence")
        #expect(
            message { try TinyTokenizer(postProcessor: #"{"type":"Other"}"#).load() }
                == "post_processor of tokenizer.json has the type Other; supported here: BertProcessing, ByteLevel, "
                + "RobertaProcessing, Sequence, TemplateProcessing")
        #expect(
            message { try TinyTokenizer(decoder: #"{"type":"WordPiece"}"#).load() }
                == "decoder of tokenizer.json has the type WordPiece; supported here: ByteFallback, ByteLevel, Fuse, "
                + "Replace, Sequence, Strip")
        #expect(
            message { try TinyTokenizer(modelType: "Unigram").load() }
                == "model of tokenizer.json has the type Unigram; supported here: BPE")
    }

    @Test("parts that are missing or wrong are named by their path")
    func malformedParts() {
        #expect(
            message { try Tokenizer(files: ["tokenizer.json": Data("{}".utf8)]) }
                == "model of tokenizer.json is missing or of another type; expected an object")
        #expect(
            message { try TinyTokenizer(merges: #"["a b", "a z z"]"#).load() }
                == "model.merges[1] of tokenizer.json is missing or of another type; expected \"a b\" or "
                + "[\"a\", \"b\"]")
        #expect(
            message { try TinyTokenizer(merges: #"["x y"]"#).load() }
                == "model.merges[0] of tokenizer.json is missing or of another type; expected two tokens whose join "
                + "is in the vocabulary too")
        let split = #"{"type":"Split","behavior":"Isolated","pattern":{"Regex":"(unclosed"}}"#
        #expect(
            message { try TinyTokenizer(preTokenizer: split).load() }
                == "compiling the pattern (unclosed failed at byte 9: missing closing parenthesis")
    }

    /// The message of the error that the body throws.
    private func message(_ body: () throws -> Tokenizer) -> String? {
        do {
            _ = try body()
            return nil
        } catch let error as TokenizerError {
            return error.message
        } catch {
            return "\(error)"
        }
    }
}
