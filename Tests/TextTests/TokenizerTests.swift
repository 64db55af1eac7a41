import Foundation
import Testing
import Text

@Suite("A tokenizer")
struct TokenizerTests {
    @Test("merges the lowest rank first and reads back what it wrote")
    func mergesByRank() throws {
        let tokenizer = try TinyTokenizer().load()
        #expect(tokenizer.encode("abcab c") == [257, 256, 32, 99])
        #expect(tokenizer.decode([257, 256, 32, 99]) == "abcab c")
        #expect(tokenizer.vocabularySize == 260)
        #expect(tokenizer.token(of: 257) == "abc")
        #expect(tokenizer.id(of: "abc") == 257)
        #expect(tokenizer.id(of: "nothing") == nil)
        #expect(tokenizer.token(of: 260) == nil)
        #expect(tokenizer.token(of: -1) == nil)
    }

    @Test("long pieces, repeated pieces and an overfull cache merge alike")
    func cacheDoesNotChangeIDs() throws {
        let tokenizer = try TinyTokenizer().load()
        let long = String(repeating: "abc", count: 1000)
        #expect(tokenizer.encode(long) == Array(repeating: 257, count: 1000))
        // More distinct pieces than the cache keeps.
        let text = (0..<70_000).map { "x\($0)" }.joined(separator: " ")
        let ids = tokenizer.encode(text)
        #expect(ids == tokenizer.encode(text))
        #expect(tokenizer.decode(ids) == text)
    }

    @Test("many tasks at once get the ids that one gets")
    func servesManyTasks() async throws {
        let tokenizer = try TinyTokenizer().load()
        let texts = (0..<64).map { "abc \($0) ab cab <|im_end|>" }
        let expected = texts.map { tokenizer.encode($0) }
        let found = await withTaskGroup(of: (Int, [Int32]).self) { group in
            for (index, text) in texts.enumerated() { group.addTask { (index, tokenizer.encode(text)) } }
            return await group.reduce(into: [Int: [Int32]]()) { $0[$1.0] = $1.1 }
        }
        #expect(texts.indices.map { found[$0] } == expected)
    }

    @Test("special tokens are left out on request, ids without a token always")
    func specialTokensAreSkipped() throws {
        let tokenizer = try TinyTokenizer().load()
        let ids = tokenizer.encode("<|im_start|>a<|im_end|>")
        #expect(ids == [258, 97, 259])
        #expect(tokenizer.decode(ids) == "<|im_start|>a<|im_end|>")
        #expect(tokenizer.decode(ids, skipSpecialTokens: true) == "a")
        #expect(tokenizer.decode([97, 4000, -7, 98]) == "ab")
    }

    @Test("a stream gives out whole characters only")
    func streamHoldsIncompleteCharacters() throws {
        let tokenizer = try TinyTokenizer().load()
        let smile = "\u{1F642}"
        let ids = tokenizer.encode("a" + smile)
        var stream = StreamDecoder(tokenizer)
        #expect(ids.map { stream.append($0) } == ["a", "", "", "", smile])
        #expect(stream.finish() == "")
        // A character that never ends.
        #expect(ids.prefix(3).map { stream.append($0) } == ["a", "", ""])
        #expect(stream.finish() == "\u{FFFD}")
        // One that is broken off by another.
        #expect([ids[1], 97].map { stream.append($0) } == ["", "\u{FFFD}a"])
    }

    @Test("names of special tokens and the chat template come from the files beside it")
    func configurationIsRead() throws {
        var tiny = TinyTokenizer()
        tiny.configuration = """
            {"eos_token":{"content":"<|im_end|>"},"bos_token":"<|im_start|>","pad_token":null,"unk_token":"<gone>",
             "chat_template":[{"name":"tool_use","template":"x"},{"name":"default","template":"{{ messages }}"}]}
            """
        let tokenizer = try tiny.load()
        #expect(tokenizer.eosTokenID == 259)
        #expect(tokenizer.bosTokenID == 258)
        #expect(tokenizer.padTokenID == nil)
        #expect(tokenizer.unknownTokenID == nil)
        #expect(tokenizer.configuration.chatTemplate == "{{ messages }}")
        var files = tiny.files
        files["chat_template.jinja"] = Data("{{ other }}".utf8)
        files["special_tokens_map.json"] = Data(#"{"pad_token":"<|im_end|>","eos_token":"<|im_start|>"}"#.utf8)
        let other = try Tokenizer(files: files)
        #expect(other.configuration.chatTemplate == "{{ other }}")
        #expect(other.padTokenID == 259)
        #expect(other.eosTokenID == 259)
    }

    @Test("anchors of a split pattern hold at every line, and words keep their marks")
    func patternsMeanWhatTheirEngineMeans() throws {
        func split(_ pattern: String) -> TinyTokenizer {
            TinyTokenizer(
                preTokenizer: """
                    {"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","pattern":
                     {"Regex":"\(pattern)"}},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}
                    """)
        }
        #expect(try split("^ab").load().encode("abc\nabc") == [256, 99, 10, 256, 99])
        // A mark before "ab" belongs to its word, so that the cut comes behind "b" and not before "a".
        #expect(try split("\\\\W").load().encode("\u{301}abc") == [0xCC, 0x81, 257])
        #expect(try split("\\\\w{3}").load().encode("\u{301}abc") == [0xCC, 0x81, 256, 99])
    }

    @Test("escapes of JSON are read")
    func escapesAreRead() throws {
        var tiny = TinyTokenizer()
        tiny.configuration = #"{"chat_template":"\u00e9\ud83d\uDE42\"\\\/\b\f\n\r\t"}"#
        #expect(
            try tiny.load().configuration.chatTemplate == "\u{E9}\u{1F642}\"\\/\u{8}\u{C}\n\r\t")
    }

    @Test("saving where nothing can be written says so")
    func savingCanFail() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data().write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        let error = try #require(throws: TokenizerError.self) { try TinyTokenizer().load().save(to: file) }
        #expect(error.code == .unwritableFile)
        #expect(error.message.hasPrefix("saving a tokenizer to \(file.path) failed: "))
    }
}
