import Foundation
import JSON
import Testing

/// The directory that a run leaves behind. Tests/Reference/check_export.py reads one in transformers.
@Suite struct ExportTests {
    @Test(
        "final/ has the names, shapes, types and config.json of the start, and new values",
        arguments: Golden.architectures)
    func directory(name: String) throws {
        let scratch = try Scratch()
        try train(name, in: scratch, steps: 3, precision: "float32")
        let (before, after) = (Golden.path(name), scratch.path("run/final"))
        #expect(try scratch.names(in: "run/final") == ["config.json", "model.safetensors"])
        #expect(
            try scratch.data("run/final/config.json") == Data(contentsOf: URL(fileURLWithPath: before + "/config.json"))
        )
        let (old, new) = try (header(before), header(after))
        #expect(new == old)
        let (start, end) = try (
            Golden.tensors(at: before + "/model.safetensors"), Golden.tensors(at: after + "/model.safetensors")
        )
        #expect(start.allSatisfy { end[$0.key] != $0.value })
    }

    @Test("a directory that is saved and loaded scores the same, bit for bit", arguments: ["llama", "gpt2", "smollm3"])
    func reload(name: String) throws {
        let scratch = try Scratch()
        try train(name, in: scratch, steps: 0, precision: "float32")
        try train(name, in: scratch, steps: 6, precision: "float32", run: "long", settings: ["checkpoint.every=2"])
        let start = try scores(Golden.path(name), scratch)
        #expect(try scores(scratch.path("run/final"), scratch) == start)
        // The loss of step 4 is that of the weights of step 3, here read back from a saved directory.
        try train(name, in: scratch, steps: 3, precision: "float32", run: "short")
        let batch = try Golden.lines(name + "/train.jsonl")[12..<16]
        let rows = try scores(scratch.path("short/final"), scratch, input: batch.map { $0.text + "\n" }.joined())
        let weights = rows.map { $0["tokens"]?.double ?? 0 }
        let sum = zip(rows, weights).reduce(0) { $0 + ($1.0["loss"]?.double ?? .nan) * $1.1 }
        let reported = try JSONFile.lines(scratch.path("long/metrics.jsonl"))[3]["loss"]?.double ?? .nan
        #expect(abs(sum / weights.reduce(0, +) - reported) <= 1e-6 * reported)
    }

    private func train(
        _ name: String, in scratch: Scratch, steps: Int, precision: String, run: String = "run", settings: [String] = []
    ) throws {
        let recipe = try scratch.write(
            "recipe.yaml",
            """
            model: {path: \(Golden.path(name)), precision: \(precision)}
            trainer: {name: pretrain}
            optimizer: {name: adamw, lr: 1.0e-2, weight_decay: 0.1, decay: all}
            data: {loader: {name: jsonl}, train: ["\(Golden.path(name))/train.jsonl"]}
            batch: {size: 4}
            sequence: {length: 24}
            steps: \(steps)
            """)
        let outcome = try Executable.run(["train", recipe, "--run-dir", scratch.path(run)] + settings)
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
    }

    private func scores(_ model: String, _ scratch: Scratch, input: String? = nil) throws -> [JSONValue] {
        let lines = try input ?? Golden.lines("llama/train.jsonl").prefix(4).map { $0.text + "\n" }.joined()
        let outcome = try Executable.run(
            "score", "--model", model, "--input", scratch.write("input.jsonl", lines), "--output",
            scratch.path("scores.jsonl"))
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        return try JSONFile.lines(scratch.path("scores.jsonl"))
    }

    /// Name, type and shape of every tensor: the JSON at the start of a safetensors file, without places and metadata.
    private func header(_ directory: String) throws -> [String: String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/model.safetensors"))
        let count = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try JSONValue(parsing: String(decoding: data[8..<8 + count], as: UTF8.self))
        return Dictionary(
            uniqueKeysWithValues: header.members.filter { $0.key != "__metadata__" }.map {
                ($0.key, ($0.value["dtype"]?.text ?? "") + ($0.value["shape"]?.text ?? ""))
            })
    }
}
