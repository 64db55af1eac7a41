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
                sampling.request(
                    try model.prompt(line, at: place), index: index, stopIDs: model.stopIDs, ignoresStop: ignoresEnd)
            }
        }
        try problems.end()
        let results = try Generator(model.policy.decoder, model.policy.runtime).generate(requests)
        guard input != nil || output != nil else {
            for result in results { print(model.text(result.ids)) }
            return
        }
        let rows = zip(lines, results).map { line, result in
            line.setting("generated_ids", to: .array(result.ids.map { .integer($0) }))
                .setting("text", to: .string(model.text(result.ids)))
                .setting("finish_reason", to: .string(result.finishReason.rawValue))
        }
        try JSONLines.write(rows, to: output)
    }
}
