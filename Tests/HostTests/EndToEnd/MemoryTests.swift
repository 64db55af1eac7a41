import Core
import Foundation
import JSON
import Testing

@Suite struct MemoryTests {
    let bench: TrainBench

    init() throws { bench = try TrainBench() }

    private func estimate(_ settings: String...) throws -> JSONValue {
        let outcome = try Executable.run(["memory", bench.recipe, "--json"] + settings)
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        return try JSONValue(parsing: outcome.output)
    }

    @Test("memory tells where the bytes go, and the parts add up")
    func parts() throws {
        let found = try estimate()
        let bytes = try #require(found["estimated_bytes"])
        let parts = bytes.members.filter { $0.key != "total" }
        #expect(bytes["total"]?.integer == parts.reduce(0) { $0 + ($1.value.integer ?? 0) })
        #expect(found["ranks"]?.integer == 1 && found["fits"] == .bool(true))
        let directory = try ModelDirectory(Golden.path("llama"))
        let count = try directory.tensorNames.reduce(0) { try $0 + directory.shape(of: $1).reduce(1, *) }
        // Arenas round up.
        let weights = try #require(bytes["weights"]?.integer)
        #expect((count * 4..<count * 4 + (1 << 16)).contains(weights))
        #expect(bytes["gradients"]?.integer == weights && bytes["optimizer_states"]?.integer == 2 * weights)
        #expect(bytes["compute_copies"]?.integer == 0)
        #expect((bytes["activations"]?.integer ?? 0) > 0)

        let mixed = try #require(try estimate("model.precision=bfloat16")["estimated_bytes"])
        #expect(mixed["weights"]?.integer == weights && mixed["compute_copies"]?.integer == weights / 2)
        let frozen = try #require(try estimate("model.freeze=[model.embed_tokens.weight]")["estimated_bytes"])
        #expect((frozen["gradients"]?.integer ?? 0) < weights && frozen["weights"]?.integer == weights)
        let text = try Executable.run("memory", bench.recipe)
        #expect(text.output.contains("activations") && text.output.contains("are available"))
        #expect(!bench.scratch.exists("run"))
    }

    @Test("longer sequences, larger micro-batches and more that is kept take more")
    func order() throws {
        func activations(_ settings: String...) throws -> Int {
            let outcome = try Executable.run(["memory", bench.recipe, "--json"] + settings)
            return try JSONValue(parsing: outcome.output)["estimated_bytes"]?["activations"]?.integer ?? 0
        }
        let all = try activations("sequence.length=60")
        #expect(try all > activations() && all > activations("sequence.length=60", "batch.micro=1"))
        #expect(try all > activations("sequence.length=60", "activations.checkpoint=block"))
    }

    @Test("dpo's estimate counts its reference, and grpo's its completions")
    func trainers() throws {
        let pairs = try bench.scratch.write(
            "pairs.jsonl", #"{"prompt_ids": [1, 5, 6], "chosen_ids": [7, 8, 2], "rejected_ids": [9, 2]}"# + "\n")
        let dpo = try estimate("trainer={name: dpo}", "data.train=[\(pairs)]", "batch.size=2")["estimated_bytes"]
        #expect(dpo?["frozen_models"]?.integer == dpo?["weights"]?.integer)
        let prompts = try bench.scratch.write("prompts.jsonl", #"{"prompt_ids": [1, 5, 6], "answer": "x"}"# + "\n")
        func grpo(_ length: Int) throws -> Int {
            let settings =
                "trainer={name: grpo, num_generations: 2, max_completion_length: \(length), rewards: [length]}"
            let outcome = try Executable.run(
                ["memory", bench.recipe, "--json", settings, "data.train=[\(prompts)]", "batch.size=2"])
            #expect(outcome.status == 0, "\(outcome.diagnostics)")
            return try JSONValue(parsing: outcome.output)["estimated_bytes"]?["activations"]?.integer ?? 0
        }
        #expect(try grpo(20) > grpo(4))
    }

    @Test("a run that cannot fit ends before its first step and says what to change")
    func tooLarge() throws {
        let command = "FORKTAIL_MEMORY=1KiB \"$0\" \"$@\""
        let outcome = try Executable.shell(command, bench.arguments(["sequence.length=60"]))
        #expect(outcome.status == 2)
        let error = try #require(outcome.error)
        #expect(error.hasPrefix("memory: training needs about "))
        #expect(error.contains(" on each rank, 1.0 KiB are available; the largest parts are process and data "))
        for setting in ["activations.checkpoint=block", "batch.micro=1", "optimizer.states=8bit"] {
            #expect(error.contains(setting + " ("), "\(setting)")
        }
        // And all of them together.
        let all = "batch.micro=1 activations.checkpoint=block model.precision=bfloat16-pure optimizer.states=8bit ("
        #expect(error.contains(all))
        #expect(!bench.scratch.exists("run/metrics.jsonl"))
        let asked = try Executable.shell("FORKTAIL_MEMORY=1KiB \"$0\" \"$@\"", ["memory", bench.recipe])
        #expect(asked.status == 3 && asked.output.contains("it does not fit"))
        let garbage = try Executable.shell("FORKTAIL_MEMORY=lots \"$0\" \"$@\"", ["memory", bench.recipe])
        #expect(garbage.status == 2)
        #expect(
            garbage.error
                == "FORKTAIL_MEMORY: found 'lots', expected a size above 0\n    fix: FORKTAIL_MEMORY=6GiB")
    }

    @Test("a run keeps its estimate beside what it used, whatever is recomputed, and learns the same")
    func training() throws {
        let losses = try ["none", "selective", "block"].map { name in
            let outcome = try bench.train("activations.checkpoint=\(name)", "steps=3", run: name)
            #expect(outcome.status == 0, "\(outcome.diagnostics)")
            #expect(outcome.diagnostics.contains("memory: estimated "))
            let memory = try JSONValue(parsing: bench.scratch.text("\(name)/environment.json"))["memory"]
            #expect((memory?["estimated_bytes"]?["total"]?.integer ?? 0) > 0)
            #expect((memory?["peak_bytes"]?.integer ?? 0) > 0)
            return try JSONFile.lines(bench.scratch.path("\(name)/metrics.jsonl")).map { $0["loss"]?.text ?? "" }
        }
        #expect(losses[0].count == 3 && losses[1] == losses[0] && losses[2] == losses[0])
        let wrong = try bench.train("activations.checkpoint=some")
        #expect(wrong.status == 2)
        #expect(wrong.error == "activations.checkpoint: found 'some', expected none | selective | block")
    }
}
