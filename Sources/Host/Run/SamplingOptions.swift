import ArgumentParser
import Core
import JSON
import PluginAPI

/// The sampling options of generate and evaluate.
struct SamplingOptions: ParsableArguments {
    @Option(name: .customLong("max-new-tokens"), help: "The most tokens to add.")
    var maxNewTokens = 128

    @Option(help: "Logits are divided by it; 0 = the likeliest token each time.")
    var temperature = 0.0

    @Option(name: .customLong("top-k"), help: "Draw from so many likeliest tokens.")
    var topK: Int?

    @Option(name: .customLong("top-p"), help: "Draw from the likeliest tokens that reach this probability.")
    var topP: Double?

    @Option(name: .customLong("min-p"), help: "Draw from tokens at least this times as likely as the likeliest.")
    var minP: Double?

    @Option(
        name: .customLong("repetition-penalty"),
        help: "Positive logits of tokens that were there already are divided by it, negative ones multiplied; 1 = none.")
    var repetitionPenalty = 1.0

    @Option(name: .customLong("stop"), help: "Generation ends at this text, which is cut off; can be repeated.")
    var stopStrings: [String] = []

    @Option(help: "Seed of the random numbers.")
    var seed: UInt64 = 0

    func request(_ prompt: [Int32], index: Int, stopIDs: Set<Int32>, ignoresStop: Bool = false) -> GenerationRequest {
        GenerationRequest(
            prompt: prompt, maximumNewTokens: maxNewTokens, temperature: temperature, topK: topK, topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, stopIDs: stopIDs, stopStrings: stopStrings, ignoresStop: ignoresStop,
            seed: seed, index: UInt64(index))
    }

    /// These settings with those that a line of input has of its own, under the names of the options.
    /// - Throws: `InputError` with every value that is of the wrong type.
    func overridden(by line: JSONValue, at place: String) throws -> SamplingOptions {
        var options = self
        var problems: [InputProblem] = []
        func read<Value>(_ key: String, _ expected: String, _ value: (JSONValue) -> Value?) -> Value? {
            guard let found = line[key], found != .null else { return nil }
            if let value = value(found) { return value }
            problems.append(InputProblem(place, "found \(key) \(found.text.prefix(60)), expected \(expected)"))
            return nil
        }
        let (count, number) = ("a whole number", "a number")
        options.maxNewTokens = read("max_new_tokens", count, \.integer) ?? maxNewTokens
        options.temperature = read("temperature", number, \.double) ?? temperature
        options.topK = read("top_k", count, \.integer) ?? topK
        options.topP = read("top_p", number, \.double) ?? topP
        options.minP = read("min_p", number, \.double) ?? minP
        options.repetitionPenalty = read("repetition_penalty", number, \.double) ?? repetitionPenalty
        options.seed = read("seed", "a whole number from 0 on") { $0.number.flatMap { UInt64($0) } } ?? seed
        options.stopStrings = read("stop", "a text or a list of texts") { value in
            value.string.map { [$0] } ?? value.array.flatMap { items in
                let texts = items.compactMap(\.string)
                return texts.count == items.count ? texts : nil
            }
        } ?? stopStrings
        if !problems.isEmpty { throw InputError(problems) }
        return options
    }
}
