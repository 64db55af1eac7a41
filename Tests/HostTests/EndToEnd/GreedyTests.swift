import Foundation
import JSON
import Testing

/// Greedy continuations against transformers', and a real checkpoint.
@Suite struct GreedyTests {
    @Test("at temperature 0 every architecture continues with transformers' ids", arguments: Golden.architectures)
    func architectures(name: String) throws {
        let rows = try #require(try Golden.json("greedy.json")[name]?.array)
        let scratch = try Scratch()
        // Both prompts at once, and each alone.
        let inputs = [rows] + rows.map { [$0] }
        for (number, input) in inputs.enumerated() {
            let lines = input.map { JSONValue.object([.init("prompt_ids", $0["prompt_ids"] ?? .null)]).text + "\n" }
            let outcome = try Executable.run(
                "generate", "--model", Golden.path(name), "--input", scratch.write("\(number).jsonl", lines.joined()),
                "--output", scratch.path("out.jsonl"), "--max-new-tokens", "40", "--ignore-eos")
            try #require(outcome.status == 0, "\(outcome.diagnostics)")
            let found = try JSONFile.lines(scratch.path("out.jsonl"))
            #expect(found.count == input.count)
            for (row, expected) in zip(found, input) {
                #expect(row["generated_ids"]?.integers == expected["generated_ids"]?.integers)
                #expect(row["finish_reason"]?.string == "length")
            }
        }
    }

    @Test("stories260K scores a story as published", .enabled(if: SharedStories.isPresent, "\(SharedStories.reason)"))
    func scoresStories() throws {
        let scratch = try Scratch()
        let outcome = try Executable.run(
            "score", "--model", SharedStories.model, "--input", Golden.path("stories260k/ids.jsonl"), "--output",
            scratch.path("scores.jsonl"))
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let found = try #require(try JSONFile.lines(scratch.path("scores.jsonl")).first)
        let expected = try Golden.json("stories260k/expected.json")
        let loss = try #require(found["loss"]?.double)
        let difference = absoluteMaximum(found["logprobs"]?.doubles ?? [], expected["logprobs"]?.doubles ?? [])
        print("stories260K: loss \(loss), log-probs differ by at most \(difference)")
        #expect(abs(loss - 1.2876) <= 0.0005)
        #expect(found["tokens"]?.integer == 255)
        #expect(difference <= 1e-4)
    }

    @Test(
        "stories260K tells its published story at temperature 0",
        .enabled(if: SharedStories.isPresent, "\(SharedStories.reason)"))
    func tellsStories() throws {
        let scratch = try Scratch()
        let outcome = try Executable.run(
            "generate", "--model", SharedStories.model, "--tokenizer", Golden.path("stories260k_tokenizer.json"),
            "--input",
            scratch.write("bos.jsonl", "{\"input_ids\": [1]}\n"), "--output", scratch.path("out.jsonl"),
            "--max-new-tokens", "200")
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let found = try #require(try JSONFile.lines(scratch.path("out.jsonl")).first)
        let expected = try Golden.json("stories260k/expected.json")
        #expect(found["generated_ids"]?.integers == expected["greedy_ids"]?.integers)
        #expect(found["text"]?.string == expected["greedy_text"]?.string)
        #expect(found["text"]?.string?.hasPrefix("Once upon a time, there was a little girl named Lily.") == true)
    }
}

/// Karpathy's stories260K as a Hugging Face directory, in the shared data folder.
enum SharedStories {
    static let model =
        (ProcessInfo.processInfo.environment["FORKTAIL_SHARED_DATA"] ?? Golden.packageRoot + "/../shared/data")
        + "/ckpt-stories260K/derived_hf"
    static let isPresent = FileManager.default.fileExists(atPath: model)
    static let reason = "the shared data folder is absent; set FORKTAIL_SHARED_DATA"
}
