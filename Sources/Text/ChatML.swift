/// The ChatML form: every message is `<|im_start|>role`, a line break, the content, `<|im_end|>` and a line break.
///
/// Trained are the contents of assistants' messages and the `<|im_end|>` behind them; the line break behind that is
/// never generated and so not trained.
public struct ChatML: ChatTemplate {
    /// The content of a system message put before conversations that have none at their start.
    public var systemPrompt: String?

    /// The template, with a system prompt for conversations that bring none.
    public init(systemPrompt: String? = nil) { self.systemPrompt = systemPrompt }

    public var controlTokens: [String] { ["<|im_start|>"] }

    public var endOfTurn: String { "<|im_end|>" }

    public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool = false) throws -> [TextSegment] {
        guard let first = messages.first else {
            throw TokenizerError(
                .invalidArgument, "writing a conversation failed: it has no messages",
                hint: "leave empty conversations out")
        }
        var messages = messages
        if let systemPrompt, first.role != "system" {
            messages.insert(ChatMessage(role: "system", content: systemPrompt), at: 0)
        }
        var segments: [TextSegment] = []
        for message in messages {
            segments.append(TextSegment("<|im_start|>\(message.role)\n", isTrained: false))
            segments.append(TextSegment(message.content + endOfTurn, isTrained: message.role == "assistant"))
            segments.append(TextSegment("\n", isTrained: false))
        }
        if addGenerationPrompt { segments.append(TextSegment("<|im_start|>assistant\n", isTrained: false)) }
        return segments
    }
}
