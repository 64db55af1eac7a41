import Foundation
import Testing
import Text

@Suite("ChatML")
struct ChatMLTests {
    let conversation = [
        ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "abc"),
        ChatMessage(role: "user", content: "Bye"),
    ]

    @Test("trains assistants' contents and the end of their turns, and nothing else")
    func trainsAssistants() throws {
        let segments = try ChatML().render(conversation, addGenerationPrompt: true)
        #expect(
            segments.map(\.text).joined()
                == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nabc<|im_end|>\n<|im_start|>user\nBye"
                + "<|im_end|>\n<|im_start|>assistant\n")
        #expect(segments.filter(\.isTrained).map(\.text) == ["abc<|im_end|>"])
    }

    @Test("tokens start where the prompt for generation ends")
    func tokensAreMasked() throws {
        let tokenizer = try TinyTokenizer().load()
        let tokens = try ChatML().encode(conversation, with: tokenizer)
        let prompt = try ChatML().encode([conversation[0]], addGenerationPrompt: true, with: tokenizer)
        #expect(Array(tokens.ids.prefix(prompt.ids.count)) == prompt.ids)
        let trained = zip(tokens.ids, tokens.isTrained).filter(\.1).map(\.0)
        #expect(trained == [257, 259])
        #expect(tokens.isTrained.firstIndex(of: true) == prompt.ids.count)
        #expect(!prompt.isTrained.contains(true))
    }

    @Test("a system prompt comes before conversations that have none")
    func systemPrompt() throws {
        let template = ChatML(systemPrompt: "Be kind.")
        #expect(try template.render(conversation).first?.text == "<|im_start|>system\n")
        let own = [ChatMessage(role: "system", content: "Own.")] + conversation
        #expect(try template.render(own) == ChatML().render(own))
    }

    @Test("an empty conversation and a tokenizer without the control tokens are refused")
    func refusals() throws {
        #expect(throws: TokenizerError.self) { try ChatML().render([]) }
        var trainer = try BPETrainer(.init(vocabularySize: 257, specialTokens: ["<|endoftext|>"]))
        trainer.add("text")
        let tokenizer = try trainer.train()
        let error = try #require(throws: TokenizerError.self) {
            try ChatML().encode(conversation, with: tokenizer)
        }
        #expect(
            error.message
                == "writing a conversation failed: the tokenizer has no token <|im_end|> and <|im_start|>")
    }

    @Test(
        "texts and trained stretches equal the Qwen2.5 template's",
        .enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
    func equalsQwen() throws {
        struct Goldens: Decodable {
            struct Conversation: Decodable { let messages: [ChatMessage] }
            struct Case: Decodable {
                let template: String
                let conversation: String
                let add_generation_prompt: Bool
                let output: String?
                let assistant_char_spans: [[Int]]?
            }
            let conversations: [String: Conversation]
            let cases: [Case]
        }
        let data = try Data(contentsOf: SharedData.file("chat-template-goldens/goldens.json"))
        let goldens = try JSONDecoder().decode(Goldens.self, from: data)
        let template = ChatML(systemPrompt: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")
        // Tools are beyond this template.
        let cases = goldens.cases.filter {
            $0.template == "trl/qwen2_5_training.jinja" && !$0.conversation.hasPrefix("tool")
        }
        #expect(cases.count >= 10)
        for golden in cases {
            let messages = try #require(goldens.conversations[golden.conversation]).messages
            let segments = try template.render(messages, addGenerationPrompt: golden.add_generation_prompt)
            #expect(segments.map(\.text).joined() == golden.output)
            let scalars = Array(try #require(golden.output).unicodeScalars)
            // Their stretches include the line breaks around a turn.
            let spans = try #require(golden.assistant_char_spans).map { span in
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars[(span[0] + 1)..<(span[1] - 1)])
                return String(text)
            }
            #expect(segments.filter(\.isTrained).map(\.text) == spans)
        }
    }
}
