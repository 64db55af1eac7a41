import Foundation
import JSON
import Testing

@Suite struct GenerateTests {
    private func generate(_ lines: [String], _ options: String...) throws -> (Executable.Outcome, [JSONValue]) {
        let scratch = try Scratch()
        let input = try scratch.write("in.jsonl", lines.map { $0 + "\n" }.joined())
        let outcome = try Executable.run(
            ["generate", "--model", Golden.path("llama"), "--input", input, "--output", scratch.path("out.jsonl")] + options)
        return (outcome, outcome.status == 0 ? try JSONFile.lines(scratch.path("out.jsonl")) : [])
    }

    @Test("a line's own settings win over the options")
    func lineSettings() throws {
        let prompt = #""input_ids": [5, 6, 7]"#
        let (outcome, rows) = try generate(
            [
                "{\(prompt)}", "{\(prompt), \"max_new_tokens\": 3}", "{\(prompt), \"temperature\": 1.5, \"seed\": 3}",
                "{\(prompt), \"temperature\": 1.5, \"top_k\": 1}", "{\(prompt), \"temperature\": 1.5, \"min_p\": 1}",
                "{\(prompt), \"repetition_penalty\": 1e9}",
            ], "--max-new-tokens", "8", "--ignore-eos")
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let ids = rows.map { $0["generated_ids"]?.integers ?? [] }
        #expect(ids.map(\.count) == [8, 3, 8, 8, 8, 8])
        #expect(ids[1] == Array(ids[0].prefix(3)) && ids[3] == ids[0] && ids[4] == ids[0])
        #expect(ids[2] != ids[0] && ids[5] != ids[0])
    }

    @Test("settings of the wrong type are named with their lines")
    func wrongSettings() throws {
        let (outcome, _) = try generate([
            #"{"input_ids": [5], "temperature": "hot", "top_k": 1.5, "stop": ["a", 1]}"#, #"{"input_ids": [5]}"#,
            #"{"input_ids": [5], "ignore_eos": 1}"#,
        ])
        #expect(outcome.status == 2)
        for message in [
            #"in.jsonl:1: found temperature "hot", expected a number"#, "in.jsonl:1: found top_k 1.5, expected a whole number",
            #"in.jsonl:1: found stop ["a", 1], expected a text or a list of texts"#,
            "in.jsonl:3: found ignore_eos 1, expected true or false",
        ] {
            #expect("\(outcome.diagnostics)".contains(message))
        }
    }

    @Test(
        "a stop text is cut off, and the line says that it stopped",
        .enabled(if: SharedStories.isPresent, "\(SharedStories.reason)"))
    func stopText() throws {
        let scratch = try Scratch()
        let outcome = try Executable.run(
            "generate", "--model", SharedStories.model, "--tokenizer", Golden.path("stories260k_tokenizer.json"),
            "--input", scratch.write("bos.jsonl", "{\"input_ids\": [1]}\n"), "--output", scratch.path("out.jsonl"),
            "--max-new-tokens", "200", "--stop", "never", "--stop", " little girl")
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let found = try #require(try JSONFile.lines(scratch.path("out.jsonl")).first)
        #expect(found["text"]?.string == "Once upon a time, there was a")
        #expect(found["finish_reason"]?.string == "stop")
    }
}
