import DataLoader
import JSON
import PluginAPI
import Text

/// Turns the lines of JSONL files and whole text files into token ids.
///
/// A line is pre-tokenised (`input_ids`, optional `labels`), `prompt` and `completion`, `messages`, or `text`. The ids are
/// those that the trainers `pretrain` and `sft` make of the same line.
struct DocumentReader: Sendable {
    let tokenizer: Tokenizer
    let files: [InputFiles.File]
    private static let linesAtOnce = 512

    /// Calls `body` with every document; large text files come in several pieces, of which the last one is marked.
    /// - Throws: `InputError` with the problems of all lines.
    func forEachPiece(_ body: (_ document: Document, _ isLast: Bool) throws -> Void) throws {
        var problems = LineProblems()
        for file in files {
            guard file.isJSONLines else {
                try forEachPiece(of: TextFile(path: file.path), body)
                continue
            }
            let lines = try JSONLinesSource(files: [file.path])
            // Lines are read one after the other, and tokenized many at a time; problems are told in their order.
            for start in stride(from: 0, to: lines.count, by: DocumentReader.linesAtOnce) {
                let samples = (start..<min(start + DocumentReader.linesAtOnce, lines.count)).map { number in
                    Result { try lines.sample(at: number) }
                }
                let documents = samples.indices.concurrentMap(threads: Machine.threadCount) { index in
                    samples[index].flatMap { sample in Result { try document(sample) } }
                }
                for result in documents {
                    let document = try problems.collect(at: "--input") { try result.get() }
                    if let document, problems.isEmpty { try body(document, true) }
                }
            }
        }
        try problems.check()
    }

    private func forEachPiece(of file: TextFile, _ body: (Document, Bool) throws -> Void) throws {
        var isFirst = true
        try file.forEachPiece { text, isLast in
            if isFirst && isLast && text.isEmpty { return }
            // A special token that starts every text, such as Llama's, stands before the first piece only.
            var ids = tokenizer.encode(text, addSpecialTokens: isFirst && isLast)
            if isFirst && !isLast, let start = tokenizer.bosTokenID, tokenizer.encode("").first == start {
                ids.insert(start, at: 0)
            }
            isFirst = false
            try body(Document(tokens: isLast ? try ended(ids) : ids, id: file.path), isLast)
        }
    }

    private func document(_ sample: Sample) throws -> Document {
        if let column = sample["input_ids"] {
            let ids = try column.integers(as: Int32.self)
            let labels = try sample["labels"].map { try $0.integers(as: Int32.self) }
            guard labels.map({ $0.count == ids.count }) ?? true else {
                throw SampleError(
                    sample: sample.id, column: "labels",
                    problem: "found \(labels?.count ?? 0) labels for \(ids.count) input_ids")
            }
            return try checked(Document(tokens: ids, labels: labels, id: sample.id))
        }
        if let completion = sample["completion"] {
            let prompt = try sample["prompt"].map { tokenizer.encode(try $0.string()) } ?? []
            let rest = try ended(tokenizer.encode(try completion.string(), addSpecialTokens: false))
            return Document(
                tokens: prompt + rest, labels: [Int32](repeating: -100, count: prompt.count) + rest, id: sample.id)
        }
        if let column = sample["messages"] { return try conversation(column, sample) }
        guard let text = sample["text"] else {
            throw SampleError(
                sample: sample.id, column: "text",
                problem: "expected text, prompt and completion, messages, or input_ids; it has "
                    + sample.columnNames.joined(separator: ", "))
        }
        return Document(tokens: try ended(tokenizer.encode(try text.string())), id: sample.id)
    }

    private func conversation(_ column: Column, _ sample: Sample) throws -> Document {
        let messages = try ChatMessages.read(column, of: sample)
        let tokens = try ChatML().encode(messages, with: tokenizer)
        let labels = zip(tokens.ids, tokens.isTrained).map { $1 ? $0 : -100 }
        return Document(tokens: tokens.ids, labels: labels, id: sample.id)
    }

    private func checked(_ document: Document) throws -> Document {
        let size = Int32(clamping: tokenizer.vocabularySize)
        if let wrong = document.tokens.first(where: { $0 < 0 || $0 >= size }) {
            throw SampleError(
                sample: document.id, column: "input_ids",
                problem: "found the id \(wrong), expected 0 to \(size - 1), the tokenizer's ids")
        }
        guard !document.tokens.isEmpty else {
            throw SampleError(sample: document.id, column: "input_ids", problem: "there are no ids in it")
        }
        return document
    }

    /// The ids with the token that ends a text behind them. One text file alone needs no end.
    private func ended(_ ids: [Int32]) throws -> [Int32] {
        guard let end = tokenizer.eosTokenID else {
            if files.count == 1, !files[0].isJSONLines { return ids }
            throw InputError(
                "--tokenizer", "names no end-of-text token, expected one to end texts with",
                fix: "set eos_token in its tokenizer_config.json")
        }
        return ids.last == end ? ids : ids + [end]
    }
}
