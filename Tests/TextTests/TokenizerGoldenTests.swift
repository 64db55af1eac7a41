import Foundation
import Testing
import Text

/// Ids and decoded texts that the reference implementation made, for tokenizers in use.
@Suite("Tokenizers equal the reference", .enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
struct TokenizerGoldenTests {
    struct Golden: Decodable {
        struct Row: Decodable {
            let text: String
            let ids: [Int32]
            let decoded: String
        }
        let rows: [Row]
    }

    static let goldens: [String: Golden] = {
        do {
            let data = try Data(contentsOf: SharedData.file("tok-goldens/goldens.json"))
            return try JSONDecoder().decode([String: Golden].self, from: data)
        } catch {
            Issue.record("goldens.json: \(error)")
            return [:]
        }
    }()

    @Test(
        "every id and every decoded text is equal",
        arguments: [
            ("gpt2", "tok-gpt2/tokenizer.json"),
            ("qwen2", "tok-goldens/qwen2_tokenizer.json"),
            ("smollm2-instruct", "tok-smollm/smollm2_instruct_tokenizer.json"),
            ("smollm2-instruct", "tok-smollm/smollm_finetuned"),
            ("torchtitan-2k", "tok-small/torchtitan"),
        ])
    func idsAndTextsAreEqual(name: String, path: String) throws {
        let tokenizer = try Tokenizer(contentsOf: SharedData.file(path))
        let rows = try #require(Self.goldens[name]).rows
        #expect(rows.count == 41)
        try compare(tokenizer, with: rows, name)
    }

    @Test("the stories260K checkpoint's tokenizer, converted, equals SentencePiece")
    func equalsSentencePiece() throws {
        let file = ComponentGoldens.file.deletingLastPathComponent().appendingPathComponent(
            "stories260k_tokenizer.json")
        // SentencePiece does not look for control tokens in text.
        let rows = try #require(Self.goldens["tok512"]).rows.filter { !$0.text.contains("<s>") }
        #expect(rows.count == 40)
        let tokenizer = try Tokenizer(contentsOf: file)
        try compare(tokenizer, with: rows, "tok512")
        #expect(tokenizer.encode("Once") == [1] + tokenizer.encode("Once", addSpecialTokens: false))
    }

    private func compare(_ tokenizer: Tokenizer, with rows: [Golden.Row], _ name: String) throws {
        for row in rows {
            let label: Comment = "\(name): \(row.text.debugDescription)"
            #expect(tokenizer.encode(row.text, addSpecialTokens: false) == row.ids, label)
            let decoded = tokenizer.decode(row.ids)
            #expect(Array(decoded.utf8) == Array(row.decoded.utf8), label)
            var stream = StreamDecoder(tokenizer, skipSpecialTokens: false)
            let streamed = row.ids.map { stream.append($0) }.joined() + stream.finish()
            #expect(streamed == decoded, label)
        }
    }
}
