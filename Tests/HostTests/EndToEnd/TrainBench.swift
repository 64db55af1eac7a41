import Foundation
import JSON
import Testing

/// A small recipe over the golden llama, for tests of what `train` does with good and bad input.
struct TrainBench {
    let scratch: Scratch
    let recipe: String
    let data: String

    init() throws {
        scratch = try Scratch()
        data = try scratch.write("train.jsonl", Golden.lines("llama/train.jsonl").map { $0.text + "\n" }.joined())
        recipe = try scratch.write(
            "recipe.yaml",
            """
            model: {path: \(Golden.path("llama"))}
            trainer: {name: pretrain}
            optimizer: {name: adamw, lr: 1.0e-3}
            data: {loader: {name: jsonl}, train: ["\(data)"]}
            batch: {size: 4}
            sequence: {length: 24}
            steps: 10
            """)
    }

    /// Arguments of a run in the directory `run`.
    func arguments(_ settings: [String], run: String = "run") -> [String] {
        ["train", recipe, "--run-dir", scratch.path(run)] + settings
    }

    func train(_ settings: String..., run: String = "run") throws -> Executable.Outcome {
        try Executable.run(arguments(settings, run: run))
    }

    /// A model directory that is the golden llama but for what `change` does to it.
    func model(_ name: String = "model", change: (String) throws -> Void) throws -> String {
        try FileManager.default.copyItem(atPath: Golden.path("llama"), toPath: scratch.path(name))
        try change(scratch.path(name))
        return scratch.path(name)
    }
}
