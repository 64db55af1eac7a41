/// How a conversation is written as text, and which of it is trained.
public protocol ChatTemplate: Sendable {
    /// The control tokens that a tokenizer must have as single tokens.
    var controlTokens: [String] { get }

    /// The token that ends an assistant's turn, always trained with the turn and the one at which generation stops.
    var endOfTurn: String { get }

    /// Writes a conversation.
    /// - Parameters:
    ///   - messages: the messages, oldest first.
    ///   - addGenerationPrompt: whether the start of an assistant's turn follows, for a model to go on from.
    /// - Throws: `TokenizerError` (`invalidArgument`) for a conversation that the template cannot write.
    func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws -> [TextSegment]
}

extension ChatTemplate {
    /// The token ids of a conversation, with the mask of what is trained.
    /// - Throws: `TokenizerError` (`invalidArgument`) when the tokenizer lacks a control token, and what `render`
    ///   throws.
    public func encode(
        _ messages: [ChatMessage], addGenerationPrompt: Bool = false, with tokenizer: Tokenizer
    ) throws -> MaskedTokens {
        let missing = (controlTokens + [endOfTurn]).filter { tokenizer.id(of: $0) == nil }
        if !missing.isEmpty {
            let names = Set(missing).sorted().joined(separator: " and ")
            throw TokenizerError(
                .invalidArgument, "writing a conversation failed: the tokenizer has no token \(names)",
                hint: "choose a template of this tokenizer, or train a tokenizer with these special tokens")
        }
        return tokenizer.encode(try render(messages, addGenerationPrompt: addGenerationPrompt))
    }
}
