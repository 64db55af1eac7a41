import ArgumentParser
import Core
import DataLoader
import Foundation
import JSON
import PluginAPI
import Text

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Mean reward of completions, e.g. exact match.",
        discussion: "Each input line has a prompt (prompt, prompt_ids or messages) and the columns that the reward reads.")

    @OptionGroup var options: ModelOptions
    @OptionGroup var sampling: SamplingOptions

    @Option(help: "JSON lines with prompts.")
    var input: String

    @Option(help: "The reward's name (forktail plugins list --kind reward).")
    var reward: String

    @Option(help: "Completions of each prompt.")
    var samples = 1

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let model = try InferenceModel(options)
        let reward = try model.registry.reward(self.reward, options: .object([]), at: "--reward")
        let source = try JSONLinesSource(files: [input])
        let lines = try JSONLines.read(input)
        var requests: [GenerationRequest] = []
        for (index, line) in lines.enumerated() {
            let prompt = try model.prompt(line, at: "\(input):\(index + 1)")
            requests += (0..<samples).map {
                sampling.request(prompt, index: index * samples + $0, stopIDs: model.stopIDs)
            }
        }
        let results = try model.generate(requests)
        let scores = try results.enumerated().compactMap { number, result -> Double? in
            let completion = Completion(
                ids: result.ids, text: model.text(result), isFinished: result.finishReason == .stop)
            return try reward.score(completion, for: source.sample(at: number / samples))
        }
        guard !scores.isEmpty else {
            throw InputError("--input", "the reward '\(self.reward)' judged none of \(results.count) completions")
        }
        let mean = scores.reduce(0, +) / Double(scores.count)
        let exact = Double(scores.count { $0 == 1 }) / Double(scores.count)
        if json {
            print(
                JSONValue.object([
                    .init("reward", .string(self.reward)), .init("mean", .double(mean)),
                    .init("exact_match", .double(exact)), .init("prompts", .integer(lines.count)),
                    .init("completions", .integer(scores.count)),
                ]).text)
        } else {
            print(
                "\(self.reward): mean \(String(format: "%.4f", mean)), full marks "
                    + "\(String(format: "%.1f", exact * 100)) % of \(scores.count) completions of \(lines.count) prompts")
        }
    }
}
