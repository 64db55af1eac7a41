import Foundation
import JSON
import Testing

/// What benchmarks print, save and compare.
@Suite struct BenchTests {
    let scratch: Scratch
    let config: String

    init() throws {
        scratch = try Scratch()
        config = try scratch.write(
            "config.json",
            """
            {"model_type": "llama", "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
             "num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": false}
            """)
    }

    private func train(_ arguments: String...) throws -> Executable.Outcome {
        try Executable.run(
            ["bench", "train", "--config", config, "--batch", "2", "--sequence", "16", "--steps", "1"] + arguments)
    }

    @Test("bench train prints every figure with how it is counted")
    func figures() throws {
        let report = try JSONValue(parsing: try train("--json").output)
        // 6 (N - embedding) + 6 L h T; h is heads times head size.
        let layer = 4 * 16 * 16 + 3 * 16 * 32 + 2 * 16
        let parameters = 2 * 64 * 16 + 2 * layer + 16
        #expect(report["parameters"]?.integer == parameters)
        #expect(report["flops_per_token"]?.double == Double(6 * (parameters - 64 * 16) + 6 * 2 * 16 * 16))
        #expect(report["data_wait_seconds"]?.double == 0)
        #expect(report["formulas"]?["flops_per_second"]?.string == "6 N (head once) + 6 L h T (causal half) a token")
        #expect(report["settings"]?["threads"]?.integer == 1)
        let tokens = try #require(report["tokens_per_second"]?.double)
        let flops = try #require(report["flops_per_second"]?.double)
        let peak = try #require(report["peak_flops_per_second"]?.double)
        #expect(abs(tokens * (report["seconds_per_step"]?.double ?? 0) - 32) < 1e-6)
        #expect(abs((report["fraction_of_peak"]?.double ?? 0) - flops / peak) < 1e-9)
        #expect((report["memory_peak_bytes"]?.integer ?? 0) > 1 << 20)
    }

    @Test("a saved report is a baseline: every figure is divided by its own")
    func baseline() throws {
        let file = scratch.path("base.json")
        #expect(try train("--save", file).status == 0)
        var saved = try JSONValue(parsing: try scratch.text("base.json"))
        let parameters = try #require(saved["parameters"]?.integer)
        saved = saved.setting("parameters", to: .integer(parameters * 2)).setting("threads", to: .null)
        saved = saved.setting("settings", to: (saved["settings"] ?? .null).setting("batch", to: .integer(9)))
        try scratch.write("base.json", saved.text)
        let outcome = try train("--baseline", file, "--json")
        let ratios = try #require(try JSONValue(parsing: outcome.output)["ratios_to_baseline"])
        #expect(ratios["parameters"]?.double == 0.5)
        #expect(ratios["flops_per_token"]?.double == 1)
        #expect(ratios["threads"] == nil)
        #expect(outcome.diagnostics.contains("note: the baseline was measured with batch 9, this with 2\n"))
        #expect(try train("--baseline", file).output.contains("parameters: \(parameters)  (0.500 x baseline)\n"))
    }

    @Test("rows have baselines too")
    func rows() throws {
        let file = scratch.path("kernels.json")
        let arguments = ["bench", "kernels", "--rows", "3", "--filter", "rms norm", "--precision", "float32"]
        #expect(try Executable.run(arguments + ["--save", file]).status == 0)
        let saved = try JSONValue(parsing: try scratch.text("kernels.json"))
        let names = (saved["rows"]?.members ?? []).map(\.key)
        #expect(names.contains("rms norm float32") && names.contains("residual add + rms norm backward float32"))
        #expect(names.allSatisfy { $0.contains("rms norm") })
        // x and y of 3 rows of 576.
        #expect(saved["rows"]?["rms norm float32"]?["bytes"]?.integer == 2 * 3 * 576 * 4)
        let compared = try JSONValue(parsing: try Executable.run(arguments + ["--baseline", file, "--json"]).output)
        #expect(compared["ratios_to_baseline"]?["rows/rms norm float32/bytes"]?.double == 1)
    }

    @Test("bench pipeline sets what was measured beside what each schedule promises, for ranks with equal work")
    func pipeline() throws {
        let outcome = try Executable.run("bench", "pipeline", "--milliseconds", "0.2", "--json")
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        let report = try JSONValue(parsing: outcome.output)
        // (p - 1) over m, v m, 3 m and 3 v m.
        let parts: [(String, Double)] = [("gpipe", 16), ("1f1b", 16), ("interleaved", 32), ("zb-h1", 48), ("zb-v", 96)]
        for (schedule, part) in parts {
            let row = try #require(report["rows"]?[schedule])
            #expect(row["waiting_promised"]?.double == 3 / part)
            #expect(row["evenness"]?.double == 1)
            #expect((row["waiting"]?.double ?? 0) > 0)
        }
        let refused = try Executable.run(
            "bench", "pipeline", "--ranks", "3", "--micro-batches", "4", "--schedule", "interleaved")
        #expect(refused.status == 2)
        #expect(refused.error == "--micro-batches: found 4, expected a multiple of 3 for an interleaved schedule")
        let unknown = try Executable.run("bench", "pipeline", "--schedule", "2f2b")
        #expect(unknown.status == 2)
        #expect(unknown.error?.contains("parallel.pipeline.schedule") == true)
    }

    @Test("bench tokenize counts the paragraphs' tokens")
    func tokenize() throws {
        let text = try scratch.write("text.txt", "the cat\n\n\n \n\nthe dog sat\n")
        _ = try Executable.run(
            "tokenizer", "train", "--input", text, "--vocab-size", "300", "--output", scratch.path("tokenizer"))
        let arguments = ["bench", "tokenize", "--tokenizer", scratch.path("tokenizer"), "--input", text, "--json"]
        let one = try JSONValue(parsing: try Executable.run(arguments).output)
        let two = try JSONValue(parsing: try Executable.run(arguments + ["--threads", "2"]).output)
        #expect(one["documents"]?.integer == 2)
        #expect(one["bytes"]?.integer == "the cat\nthe dog sat\n".utf8.count - 1)
        #expect(one["tokens"] == two["tokens"])
        #expect((one["megabytes_per_second"]?.double ?? 0) > 0)
        #expect(two["threads"]?.integer == 2)
    }

    @Test("train --profile records one step for Perfetto and prints where its time went")
    func profile() throws {
        let data = try scratch.write("train.jsonl", #"{"input_ids": [1, 2, 3, 4, 5, 6]}"# + "\n")
        let recipe = try scratch.write(
            "recipe.yaml", "model: {config: \(config)}\ntrainer: pretrain\ndata: {train: [\(data)]}\nsteps: 4\n")
        let outcome = try Executable.run(
            "train", recipe, "--run-dir", scratch.path("run"), "--profile", "batch.size=1", "sequence.length=8")
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        #expect(outcome.diagnostics.contains("profile of step 3\n"))
        #expect(outcome.diagnostics.contains("outside of operations"))
        let trace = try JSONValue(parsing: try scratch.text("run/profile.json"))
        let names = Set((trace["traceEvents"]?.array ?? []).compactMap { $0["name"]?.string })
        let expected: Set = [
            "data wait", "forward", "backward", "optimizer", "matmul", "attention", "attention_backward", "memory in use",
        ]
        #expect(names.isSuperset(of: expected), "found \(names.sorted())")
    }

    @Test("bench train --profile leaves the figures alone and writes a trace")
    func benchProfile() throws {
        let outcome = try train("--profile", scratch.path("trace.json"))
        #expect(outcome.output.contains("tokens_per_second"))
        #expect(outcome.diagnostics.contains("profile of one step\n"))
        #expect(try JSONValue(parsing: try scratch.text("trace.json"))["traceEvents"]?.array?.isEmpty == false)
    }

    @Test("what cannot be measured is told at once, before anything is")
    func badInput() throws {
        let absent = scratch.path("absent.json")
        let outcome = try train("--baseline", absent, "--save", scratch.path("none/file.json"))
        #expect(outcome.status == 2)
        #expect(
            outcome.error == "\(absent): cannot be read: No such file or directory\n"
                + "--save: there is no directory \(scratch.path("none"))\n    fix: mkdir -p \(scratch.path("none"))")
        let other = try scratch.write("other.json", #"{"benchmark": "data"}"#)
        #expect(
            try train("--baseline", other).error
                == "--baseline: \(other) holds \"data\", expected \"train\"\n"
                + "    fix: write one with: forktail bench train --save FILE")
        #expect(
            try Executable.run("bench", "train", "--config", "2b").error
                == "--config: found '2b', expected a config.json or one of smollm2-135m, 20m, 360m, 1b")
        #expect(
            try Executable.run("bench", "train", "--config", config, "--batch", "0", "--steps", "0").error
                == "--batch: found 0, expected at least 1\n--steps: found 0, expected at least 1\n"
                + "--sequence: found 512, expected 2 to 32, the positions of the model")
        #expect(
            try Executable.run("bench", "kernels", "--rows", "0", "--precision", "int8").error
                == "--precision: found 'int8', expected float32 | bfloat16\n--rows: found 0, expected at least 1")
    }

    @Test("a FORKTAIL_THREADS that is no number of threads stops every command", arguments: ["0", "two", "-1", "", "4.0"])
    func threads(_ value: String) throws {
        let outcome = try Executable.shell("FORKTAIL_THREADS=\"$1\" \"$0\" plugins list", [value])
        #expect(outcome.status == 2)
        let error = try #require(outcome.error)
        #expect(error.hasPrefix("FORKTAIL_THREADS: found '\(value)', expected a whole number of threads from 1 to 4096"))
    }
}
