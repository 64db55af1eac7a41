import ArgumentParser
import Core
import Foundation
import JSON
import PluginAPI
import Text

/// What score, generate and evaluate have in common on the command line.
struct ModelOptions: ParsableArguments {
    @Option(help: "A Hugging Face model directory.")
    var model: String

    @Option(help: "Where the tokenizer is (default: the model directory).")
    var tokenizer: String?

    @Option(help: "float32 | float64 (reference, slow) | bfloat16.")
    var precision = "float32"

    @Option(name: .customLong("plugin"), help: "A plugin file or directory to load; can be repeated.")
    var plugins: [String] = []
}

/// A frozen model with its tokenizer and stop ids.
struct InferenceModel {
    let policy: PolicyModel
    let tokenizer: Tokenizer?
    let stopIDs: Set<Int32>
    let registry: Registry

    init(_ options: ModelOptions) throws {
        registry = try Registry.forCommand(plugins: options.plugins)
        let precision = try Precision(recipe: options.precision)
        let source = try ModelSource(path: options.model, registry: registry)
        let runtime = try Runtime.make(precision)
        policy = try source.frozen(runtime, precision: precision, seed: 0)
        let home = URL(fileURLWithPath: options.tokenizer ?? options.model)
        let hasTokenizer = options.tokenizer != nil
            || FileManager.default.fileExists(atPath: home.appendingPathComponent("tokenizer.json").path)
        tokenizer = hasTokenizer ? try Tokenizer(contentsOf: home) : nil
        stopIDs = InferenceModel.stopIDs(source, URL(fileURLWithPath: options.model), tokenizer)
    }

    /// The end tokens of generation_config.json, else of config.json, and the tokenizer's.
    private static func stopIDs(_ source: ModelSource, _ directory: URL, _ tokenizer: Tokenizer?) -> Set<Int32> {
        let generation = FileManager.default.contents(atPath: directory.appendingPathComponent("generation_config.json").path)
            .flatMap { data -> JSONValue? in
                do { return try data.withUnsafeBytes { try JSONValue(parsing: $0) } } catch {
                    StandardError.write("warning: generation_config.json is not JSON (\(error)) and is left out")
                    return nil
                }
            }
        let named = generation?["eos_token_id"] ?? source.config.values["eos_token_id"]
        let ids = (named?.array ?? named.map { [$0] } ?? []).compactMap { $0.integer.flatMap(Int32.init(exactly:)) }
        return Set(ids + [tokenizer?.eosTokenID].compactMap { $0 })
    }

    /// The prompt's ids: `input_ids` or `prompt_ids`, `prompt` text, or `messages` under the ChatML template.
    func prompt(_ line: JSONValue, at place: String) throws -> [Int32] {
        if let ids = line["input_ids"] ?? line["prompt_ids"] { return try JSONLines.ids(ids, at: place) }
        if let text = line["prompt"]?.string { return try requireTokenizer(at: place).encode(text) }
        guard let messages = line["messages"]?.array else {
            throw InputError(place, "has none of input_ids, prompt_ids, prompt, messages")
        }
        let turns = try messages.map { try message($0, at: place) }
        return try ChatML().encode(turns, addGenerationPrompt: true, with: requireTokenizer(at: place)).ids
    }

    private func message(_ value: JSONValue, at place: String) throws -> ChatMessage {
        guard let role = value["role"]?.string, let content = value["content"]?.string else {
            throw InputError(place, "found the message \(value.text.prefix(60)), expected {\"role\":, \"content\":}")
        }
        return ChatMessage(role: role, content: content)
    }

    func requireTokenizer(at place: String) throws -> Tokenizer {
        guard let tokenizer else {
            throw InputError(place, "holds text, and the model directory has no tokenizer.json", fix: "--tokenizer DIR")
        }
        return tokenizer
    }

    func text(_ ids: [Int32]) -> String { tokenizer?.decode(ids, skipSpecialTokens: true) ?? "" }

    /// A result's text, without the stop string that ended it.
    func text(_ result: GenerationResult) -> String { result.stoppedText ?? text(result.ids) }

    func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        let decode = tokenizer.map { tokenizer in
            { (ids: [Int32]) in tokenizer.decode(ids, skipSpecialTokens: true) }
        }
        return try Generator(policy.decoder, policy.runtime, decode: decode).generate(requests)
    }
}
