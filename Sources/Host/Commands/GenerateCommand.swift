import ArgumentParser
import Core
import JSON
import PluginAPI
import Text

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Continue prompts.",
        discussion: """
            Input lines: {"input_ids": [...]}, {"prompt": ...} or {"messages": [...]}.
            A line may have settings of its own: max_new_tokens, temperature, top_k, top_p, min_p, repetition_penalty,
            stop (a text or a list of texts), seed, ignore_eos; the options count for the others.
            Output lines: the input's keys and generated_ids, text, finish_reason.
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var sampling: SamplingOptions

    @Option(help: "One prompt; the continuation goes to standard output.")
    var prompt: String?

    @Option(help: "JSON lines with prompts.")
    var input: String?

    @Option(help: "Where the lines go (default: standard output).")
    var output: String?

    @Flag(name: .customLong("ignore-eos"), help: "Generate exactly --max-new-tokens tokens.")
    var ignoresEnd = false

    func validate() throws {
        if (prompt == nil) == (input == nil) { throw ValidationError("give either --prompt or --input") }
    }

    func run() throws {
        let model = try InferenceModel(options)
        let lines = try input.map { try JSONLines.read($0) } ?? [.object([.init("prompt", .string(prompt ?? ""))])]
        var problems = InputProblems()
        let requests = try lines.enumerated().compactMap { index, line in
            let place = input.map { "\($0):\(index + 1)" } ?? "--prompt"
            return try problems.attempt(place) {
                try sampling.overridden(by: line, at: place).request(
                    model.prompt(line, at: place), index: index, stopIDs: model.stopIDs,
                    ignoresStop: endIsIgnored(by: line, at: place))
            }
        }
        try problems.end()
        let results = try model.generate(requests)
        guard input != nil || output != nil else {
            for result in results { print(model.text(result)) }
            return
        }
        let rows = zip(lines, results).map { line, result in
            line.setting("generated_ids", to: .array(result.ids.map { .integer($0) }))
                .setting("text", to: .string(model.text(result)))
                .setting("finish_reason", to: .string(result.finishReason.rawValue))
        }
        try JSONLines.write(rows, to: output)
    }

    private func endIsIgnored(by line: JSONValue, at place: String) throws -> Bool {
        guard let value = line["ignore_eos"], value != .null else { return ignoresEnd }
        guard let flag = value.bool else {
            throw InputError(place, "found ignore_eos \(value.text.prefix(60)), expected true or false")
        }
        return flag
    }
}
