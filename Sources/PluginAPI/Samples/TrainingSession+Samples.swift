public import DataLoader
internal import JSON
public import Text

/// Token ids of a sample's columns, under the forms that users have: `<name>_ids`, text, or chat messages.
extension TrainingSession {
    /// The ids and labels of a pre-tokenised sample; nil when it has no such column.
    ///
    /// Ids stand under `input_ids`, or under `tokens`, as many MDS data sets call them. `labels` is optional, -100 =
    /// not trained, same positions as the ids.
    /// - Throws: `SampleError` for labels of another length, or labels that are neither -100 nor the id.
    public func tokens(of sample: Sample) throws -> TokenSequence? {
        guard let column = sample["input_ids"] ?? sample["tokens"] else { return nil }
        let ids = try column.integers(as: Int32.self)
        guard let labelColumn = sample["labels"] else {
            return TokenSequence(ids: ids, trained: [Bool](repeating: true, count: ids.count))
        }
        let labels = try labelColumn.integers(as: Int32.self)
        func wrong(_ problem: String) -> SampleError {
            SampleError(sample: sample.id, column: "labels", problem: problem)
        }
        guard labels.count == ids.count else { throw wrong("found \(labels.count) labels for \(ids.count) input_ids") }
        if let place = labels.indices.first(where: { labels[$0] != -100 && labels[$0] != ids[$0] }) {
            throw wrong(
                "label \(place) is \(labels[place]), expected -100 or the id \(ids[place]) at the same position "
                    + "(the shift to the next token is made by the trainer)")
        }
        return TokenSequence(ids: ids, trained: labels.map { $0 != -100 })
    }

    /// The prompt's ids; nil when the sample has no `prompt_ids` and no `prompt`. Messages end with the header of the
    /// assistant's turn.
    public func promptIDs(of sample: Sample) throws -> [Int32]? {
        if let column = sample["prompt_ids"] { return try column.integers(as: Int32.self) }
        guard let column = sample["prompt"] else { return nil }
        let tokenizer = try requireTokenizer(for: "the column 'prompt' of \(sample.id)")
        if let messages = try messages(in: column, of: sample) {
            return try ChatML().encode(messages, addGenerationPrompt: true, with: tokenizer).ids
        }
        return tokenizer.encode(try column.string())
    }

    /// The ids of what follows the prompt, up to and with the end of the turn or text; nil when there is neither a
    /// column `<name>_ids` nor a column `<name>`.
    ///
    /// Prompt and completion are encoded apart, so that a prompt has the same ids here as when the model continues it.
    public func completionIDs(_ name: String, of sample: Sample) throws -> [Int32]? {
        if let column = sample[name + "_ids"] { return try column.integers(as: Int32.self) }
        guard let column = sample[name] else { return nil }
        let tokenizer = try requireTokenizer(for: "the column '\(name)' of \(sample.id)")
        if let messages = try messages(in: column, of: sample) {
            guard messages.first?.role == "assistant" else {
                let found = messages.first.map { "a turn of \($0.role)" } ?? "no turn"
                throw SampleError(
                    sample: sample.id, column: name, problem: "found \(found) first, expected the assistant's")
            }
            // The header of the first turn ends the prompt, and the line break after the last is never generated.
            return tokenizer.encode(Array(try ChatML().render(messages).dropFirst().dropLast())).ids
        }
        return tokenizer.encode(try column.string(), addSpecialTokens: false) + [try endOfText(tokenizer)]
    }

    /// The conversation in the column `messages`, trained on the assistant's turns; nil when there is no such column.
    public func conversation(of sample: Sample) throws -> TokenSequence? {
        guard let column = sample["messages"] else { return nil }
        let tokenizer = try requireTokenizer(for: "the column 'messages' of \(sample.id)")
        guard let messages = try messages(in: column, of: sample) else {
            throw SampleError(
                sample: sample.id, column: "messages", problem: "expected a list of {\"role\": ..., \"content\": ...}")
        }
        let written = try ChatML().encode(messages, with: tokenizer)
        return TokenSequence(ids: written.ids, trained: written.isTrained)
    }

    /// The id that ends a text.
    /// - Throws: `InputError` when the tokenizer has none.
    public func endOfText(_ tokenizer: Tokenizer) throws -> Int32 {
        guard let id = tokenizer.eosTokenID else {
            throw InputError(
                "tokenizer", "names no end-of-sequence token, expected one to end each text with",
                fix: "set eos_token in its tokenizer_config.json")
        }
        return id
    }

    private func messages(in column: Column, of sample: Sample) throws -> [ChatMessage]? {
        guard column.encoding == .json, let values = try column.json().array else { return nil }
        return try values.enumerated().map { place, value in
            guard let role = value["role"]?.string, let content = value["content"]?.string else {
                throw SampleError(
                    sample: sample.id, column: column.name,
                    problem: "message \(place) is \(value.text.prefix(60)), expected text under role and content")
            }
            return ChatMessage(role: role, content: content)
        }
    }
}
