import Foundation
import JSON
import Testing

/// What users can get wrong: exit code 2, every problem at once, in these words.
@Suite struct BadInputTests {
    let bench: TrainBench

    init() throws { bench = try TrainBench() }

    @Test("every wrong key and value of a recipe is told at once, with the nearest known key")
    func recipe() throws {
        let outcome = try bench.train(
            "trianer.name=x", "batch.size=two", "sequense=1", "optimizer.betass=[1]", "optimizer.eps=small",
            "optimizer.lr=-1",
            "model.precision=float8", "steps=-1", "checkpoint={every: -2, keep: 0}", "batch.micro=0",
            "scheduler.name=lineal",
            "data.loader={name: jsonl, shufle: true}", "adapter.name=lora", "parallel.tensr=2", "clip_grad_norm=0")
        #expect(outcome.status == 2)
        let lines = Set((outcome.error ?? "").split(separator: "\n").map(String.init))
        let expected: Set = [
            "trianer: unknown key; did you mean 'trainer'?", "sequense: unknown key; did you mean 'sequence'?",
            "batch.size: found \"two\", expected a whole number",
            "optimizer.betass: unknown key; did you mean 'betas'?", "optimizer.eps: found \"small\", expected a number",
            "optimizer.lr: found -1.0, expected 0.0 or more", "steps: found -1, expected 0 or more",
            "model.precision: found 'float8', expected float32 | bfloat16 | bfloat16-pure | float64",
            "checkpoint.every: found -2, expected 0 or more", "checkpoint.keep: found 0, expected 1 or more",
            "data.loader.shufle: unknown key; did you mean 'shuffle'?",
            "adapter: no adapter plugin exists in this release", "    fix: remove adapter",
            "parallel.tensr: unknown key; did you mean 'tensor'?", "clip_grad_norm: found 0.0, expected above 0, or null",
        ]
        #expect(lines.isSuperset(of: expected), "missing: \(expected.subtracting(lines))")
        let others = lines.subtracting(expected)
        #expect(others.count == 1 && others.allSatisfy { $0.contains("did you mean 'linear'?") }, "others: \(others)")
        #expect(!bench.scratch.exists("run"))
    }

    @Test("a recipe that is absent, a directory, no YAML or no mapping is told so")
    func recipeFile() throws {
        let (scratch, absent) = (bench.scratch, bench.scratch.path("absent.yaml"))
        let fix = "\n    fix: forktail train RECIPE.yaml"
        #expect(try failure("train", absent) == "\(absent): cannot be read: No such file or directory" + fix)
        #expect(try failure("train", scratch.root) == "\(scratch.root): cannot be read: Is a directory" + fix)
        let list = try scratch.write("list.yaml", "- 1\n")
        #expect(
            try failure("train", list)
                == "\(list): found no mapping at the top level, expected keys such as model, data, trainer")
        let torn = try scratch.write("torn.yaml", "model: {path: [\n")
        #expect(try failure("train", torn)?.hasPrefix("\(torn): is not YAML: ") == true)
        let twice = try scratch.write("twice.yaml", "seed: 1\nseed: 2\n")
        #expect(try failure("train", twice)?.contains("seed") == true)
    }

    @Test("missing model, tokenizer and data are told at once")
    func missing() throws {
        let outcome = try bench.train(
            "model.path=/absent/model", "tokenizer=/absent/tokenizer", "data.train=[/absent/a.jsonl, /absent/b.jsonl]",
            "data.validation=[/absent/c.jsonl]")
        #expect(outcome.status == 2)
        let text = outcome.error ?? ""
        for path in ["/absent/model", "/absent/tokenizer", "/absent/a.jsonl", "/absent/b.jsonl", "/absent/c.jsonl"] {
            #expect(text.contains(path), "\(text)")
        }
    }

    @Test("a tokenizer with more tokens than the model, and sequences longer than its positions, are refused")
    func mismatch() throws {
        let tokenizer = Golden.path("stories260k_tokenizer.json")
        let outcome = try bench.train("tokenizer=\(tokenizer)", "sequence.length=65")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                tokenizer: knows 512 tokens, the model has embeddings for 97
                    fix: use the model's own tokenizer, or a model.config with vocab_size 512
                sequence.length: is 65, the model has 64 positions
                    fix: sequence.length=64
                """)
    }

    @Test("losses of routers are refused where the model has none")
    func routers() throws {
        let outcome = try bench.train("objective.router_balance=0.1", "objective.router_z_loss=0.01")
        #expect(outcome.status == 2)
        let lines = (outcome.error ?? "").split(separator: "\n")
        #expect(lines.contains { $0.hasSuffix("objective.router_balance: is 0.1, the model has no layers with experts") })
        #expect(lines.contains { $0.hasSuffix("objective.router_z_loss: is 0.01, the model has no layers with experts") })
    }

    @Test("a token id that the model does not know is refused")
    func unknownID() throws {
        let data = try bench.scratch.write("ids.jsonl", "{\"input_ids\": [1, 2, 97]}\n")
        let outcome = try bench.train("data.train=[\(data)]", "batch.size=1")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                data.train: sample \(data):1 has token id 97, the model knows 0...96
                    fix: use the tokenizer that the model was trained with
                """)
    }

    @Test("a step without trainable tokens is refused, a sample without any is left out")
    func untrained() throws {
        let idle = #"{"input_ids": [5, 6, 7], "labels": [5, -100, -100]}"#
        let data = try bench.scratch.write("idle.jsonl", [idle, idle].map { $0 + "\n" }.joined())
        let outcome = try bench.train("data.train=[\(data)]", "batch.size=2")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                data.train: no trainable tokens in any sample of step 1 (\(data):1, \(data):2)
                    fix: forktail data cat DIR --count 1 --json shows what a sample holds
                """)
        let mixed = try bench.scratch.write("mixed.jsonl", idle + "\n{\"input_ids\": [5, 6, 7]}\n")
        let kept = try bench.train("data.train=[\(mixed)]", "batch.size=2", "steps=2", run: "mixed")
        #expect(kept.status == 0)
        #expect(kept.diagnostics.contains("warning: sample \(mixed):1 has no trainable tokens and is left out\n"))
    }

    @Test("labels that are shifted or of another length are refused")
    func labels() throws {
        let shifted = try bench.scratch.write(
            "shifted.jsonl", #"{"input_ids": [5, 6, 7], "labels": [6, 7, -100]}"# + "\n")
        let outcome = try bench.train("data.train=[\(shifted)]", "batch.size=1")
        #expect(outcome.status == 2)
        #expect(outcome.error?.contains("label 0 is 6, expected -100 or the id 5 at the same position") == true)
        let short = try bench.scratch.write("short.jsonl", #"{"input_ids": [5, 6, 7], "labels": [5, 6]}"# + "\n")
        let other = try bench.train("data.train=[\(short)]", "batch.size=1")
        #expect(other.status == 2)
        #expect(other.error?.contains("found 2 labels for 3 input_ids") == true)
    }

    @Test("an architecture that no plugin reads is refused, the supported ones listed")
    func architecture() throws {
        let model = try bench.model {
            try edit($0 + "/config.json", "\"model_type\": \"llama\"", "\"model_type\": \"lama\"")
        }
        let outcome = try bench.train("model.path=\(model)")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                model_type: found 'lama', which no model plugin reads; did you mean 'llama'? \
                supported: gpt2, llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, smollm3
                    fix: forktail plugins list --kind model
                """)
    }

    @Test("a truncated safetensors file is refused with the tensors that are cut")
    func truncated() throws {
        let model = try bench.model { truncate($0 + "/model.safetensors", 20000) }
        let outcome = try bench.train("model.path=\(model)")
        #expect(outcome.status == 2)
        #expect(outcome.error?.hasPrefix("model: reading '\(model)/model.safetensors':\n") == true)
        let lines = (outcome.error ?? "").split(separator: "\n")
        #expect(
            lines.contains(
                "  - tensor 'model.norm.weight' ends at byte 86784 of the values, expected at most 17976, "
                    + "the bytes found"
            ))
        #expect(lines.last == "the file is cut short or not a safetensors file: fetch or write it again")
    }

    @Test("an index.json that is cut short, and a shard whose bytes or hash are wrong, are refused")
    func dataset() throws {
        let scratch = bench.scratch
        let made = try Executable.run("data", "shard", "--input", bench.data, "--output", scratch.path("good"))
        try #require(made.status == 0, "\(made.diagnostics)")
        func train(_ name: String, _ change: (String) throws -> Void) throws -> Executable.Outcome {
            try FileManager.default.copyItem(atPath: scratch.path("good"), toPath: scratch.path(name))
            try change(scratch.path(name))
            return try bench.train("data={loader: streaming, train: [\(scratch.path(name))]}", run: name + "-run")
        }
        #expect(try train("copy") { _ in }.status == 0)

        let torn = try train("torn") { truncate($0 + "/index.json", 40) }
        #expect(torn.status == 2)
        #expect(torn.error?.contains("\(scratch.path("torn")): index.json is wrong: it is not JSON: ") == true)
        #expect(torn.error?.hasSuffix("copy index.json again from the original, or write the data set again") == true)

        let shard = "shard.00000.mds.zstd"
        let flipped = try train("flipped") { directory in
            let file = try #require(FileHandle(forUpdatingAtPath: directory + "/" + shard))
            try file.seek(toOffset: 300)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: 300)
            try file.write(contentsOf: Data([byte ^ 1]))
        }
        #expect(flipped.status == 2)
        #expect(flipped.error?.hasPrefix("cannot read shard \(scratch.path("flipped"))/\(shard): ") == true)
        #expect(
            flipped.error?.hasSuffix(
                "restore this file from a copy; `forktail data verify \(scratch.path("flipped"))` checks all of them")
                == true)

        let hashed = try train("hashed") { directory in
            let text = try scratch.text("good/index.json")
            // The hash of the compressed file.
            let part = try #require(text.range(of: "\"zip_data\""))
            let start = try #require(
                text.range(of: "\"xxh64\": ?\"", options: .regularExpression, range: part.upperBound..<text.endIndex))
            let digit = text[start.upperBound]
            let changed = text.replacingCharacters(
                in: start.upperBound...start.upperBound, with: digit == "0" ? "1" : "0")
            try changed.write(toFile: directory + "/index.json", atomically: true, encoding: .utf8)
        }
        #expect(hashed.status == 2)
        #expect(hashed.error?.contains("xxh64") == true)
    }

    @Test("score and generate name every line that they cannot use")
    func lines() throws {
        let long = "[\((0..<65).map { "\($0)" }.joined(separator: ", "))]"
        let input = try bench.scratch.write(
            "lines.jsonl",
            [
                #"{"input_ids": [5, 6]}"#, #"{"input_ids": [5, 97]}"#, #"{"input_ids": [5, "x"]}"#, #"{"text": "a"}"#,
                #"{"other": 1}"#, #"{"input_ids": [5]}"#, "{\"input_ids\": \(long)}",
                #"{"input_ids": [5, 6], "labels": [5]}"#,
            ].map { $0 + "\n" }.joined())
        let model = Golden.path("llama")
        #expect(
            try failure("score", "--model", model, "--input", input) == """
                \(input):2: has token id 97, the model knows 0...96
                \(input):3: found "x", expected a token id
                \(input):4: holds text, and the model directory has no tokenizer.json
                    fix: --tokenizer DIR
                \(input):5: has none of input_ids, prompt_ids, prompt, messages
                \(input):6: has 1 tokens, expected 2 to 64 (the model's positions)
                \(input):7: has 65 tokens, expected 2 to 64 (the model's positions)
                \(input):8: has 1 labels for 2 ids
                """)
        let generated = try #require(try failure("generate", "--model", model, "--input", input))
        #expect(generated.hasPrefix("\(input):3: found \"x\", expected a token id\n"))
        #expect(generated.contains("\(input):5: has none of input_ids, prompt_ids, prompt, messages"))
        let prompts = try bench.scratch.write("prompts.jsonl", "{\"prompt_ids\": [5, 97]}\n{\"prompt_ids\": [5]}\n")
        #expect(
            try failure("generate", "--model", model, "--input", prompts, "--max-new-tokens", "63")
                == "cannot generate: request 0: the prompt has token 97, the model has tokens 0...96; request 0: "
                + "2 prompt tokens and 63 new ones exceed the model's 64 positions, ask for fewer new tokens or "
                + "shorten the prompt")
        #expect(
            try failure("score", "--model", model, "--input", "/absent")?.hasPrefix("/absent: cannot be read: ") == true
        )
    }

    private func failure(_ arguments: String...) throws -> String? {
        let outcome = try Executable.run(arguments)
        #expect(outcome.status == 2)
        return outcome.error
    }

    private func edit(_ path: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }
}
