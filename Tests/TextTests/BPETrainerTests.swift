import Foundation
import Testing
import Text

@Suite("Training a tokenizer")
struct BPETrainerTests {
    @Test("the vocabulary and the merges equal the reference trainer's")
    func mergesAreEqual() throws {
        for golden in try ComponentGoldens().trainings {
            var trainer = try BPETrainer(
                .init(
                    vocabularySize: golden.size, splitDigits: golden.splitDigits, minFrequency: golden.minFrequency))
            trainer.add(golden.text)
            let tokenizer = try trainer.train()
            let tokens = (0..<tokenizer.vocabularySize).map { tokenizer.token(of: Int32($0)) }
            #expect(tokens == golden.vocabulary, "\(golden.name)")
            #expect(try merges(of: tokenizer) == golden.merges, "\(golden.name)")
        }
    }

    @Test("a trained tokenizer is saved, loads again and reads back every byte")
    func savedTokenizerLoads() throws {
        var trainer = try BPETrainer(.init(vocabularySize: 300, splitDigits: true))
        trainer.add("12 + 30 = 42, twelve and thirty make forty-two. ")
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: directory) } }
        try trainer.train().save(to: directory)
        let tokenizer = try Tokenizer(contentsOf: directory)
        #expect(tokenizer.eosTokenID == 0)
        #expect(tokenizer.padTokenID == 0)
        #expect(tokenizer.bosTokenID == nil)
        let text = "12 + 7\u{0} \u{7FF} \u{1F642}<|im_end|>"
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        #expect(tokenizer.encode("42").count == 2)
    }

    @Test("wrong options are refused together")
    func wrongOptionsAreRefused() throws {
        let error = try #require(throws: TokenizerError.self) {
            try BPETrainer(
                .init(
                    vocabularySize: 100, specialTokens: ["<a>", "<a>"], minFrequency: -1,
                    configuration: TokenizerConfiguration(eosToken: "<b>")))
        }
        #expect(error.code == .invalidArgument)
        #expect(
            error.message
                == "training a tokenizer cannot start: a vocabulary size of 100 is below 258 (256 bytes and special "
                + "tokens); a minimum frequency of -1 is negative; the special token <a> is given twice; "
                + "the configuration names <b>, which is no special token")
    }

    private func merges(of tokenizer: Tokenizer) throws -> [String] {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try tokenizer.save(to: directory)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: directory) } }
        struct File: Decodable {
            struct Model: Decodable { let merges: [String] }
            let model: Model
        }
        let data = try Data(contentsOf: directory.appendingPathComponent("tokenizer.json"))
        return try JSONDecoder().decode(File.self, from: data).model.merges
    }
}
