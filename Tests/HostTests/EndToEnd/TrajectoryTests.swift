import Foundation
import JSON
import Testing

/// `train` and `score` against PyTorch's trajectory in true float64, each architecture.
@Suite struct TrajectoryTests {
    @Test("in float64 every architecture trains as PyTorch does, to rounding", arguments: Golden.architectures, [4, 1])
    func float64(name: String, micro: Int) throws {
        let run = try trained(name, precision: "float64", micro: micro)
        let expected = try Golden.json(name + "/trajectory64.json")
        let loss = relativeMaximum(run.column("loss"), expected["loss"]?.doubles ?? [])
        let norm = relativeMaximum(run.column("grad_norm"), expected["grad_norm"]?.doubles ?? [])
        let found = try Golden.tensors(at: run.scratch.path("run/final/model.safetensors"))
        let final = try Golden.tensors(at: Golden.path(name + "/final64.safetensors"))
        #expect(found.keys.sorted() == final.keys.sorted())
        let weights = final.map { relativeNorm(found[$0] ?? [], $1) }.max() ?? .infinity
        print("trajectory \(name) float64 micro \(micro): loss \(loss), gradient norm \(norm), parameters \(weights)")
        #expect(loss <= 1e-9)
        #expect(norm <= 1e-9)
        #expect(weights <= 1e-9)
    }

    @Test(
        "the balancing loss of experts is transformers', averaged over micro-batches by their tokens",
        arguments: [4, 1])
    func balancing(micro: Int) throws {
        let run = try trained("mixtral-balanced", precision: "float64", micro: micro)
        let expected = try Golden.json("mixtral-balanced/trajectory64\(micro == 4 ? "" : "-split").json")
        #expect(relativeMaximum(run.column("loss"), expected["loss"]?.doubles ?? []) <= 1e-9)
        #expect(relativeMaximum(run.column("grad_norm"), expected["grad_norm"]?.doubles ?? []) <= 1e-9)
        // Two experts a token: 2 when all experts are chosen alike.
        #expect(run.column("router/balance").count == 20)
        #expect(run.column("router/balance").allSatisfy { $0 > 1.99 && $0 < 2.5 })
    }

    @Test("in float32 loss, gradient norm and scores are PyTorch's", arguments: Golden.architectures)
    func float32(name: String) throws {
        let run = try trained(name, precision: "float32", micro: 4)
        let expected = try Golden.json(name + "/trajectory64.json")
        let norms = expected["grad_norm"]?.doubles ?? []
        let loss = relativeMaximum(run.column("loss"), expected["loss"]?.doubles ?? [])
        let early = relativeMaximum(Array(run.column("grad_norm").prefix(5)), Array(norms.prefix(5)))
        let norm = relativeMaximum(run.column("grad_norm"), norms)

        let rows = try Golden.lines(name + "/train.jsonl").prefix(2).map {
            $0.setting("labels", to: $0["input_ids"] ?? .null)
        }
        let input = try run.scratch.write("input.jsonl", rows.map { $0.text + "\n" }.joined())
        let outcome = try Executable.run(
            "score", "--model", Golden.path(name), "--input", input, "--output", run.scratch.path("scores.jsonl"))
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        let scores = try JSONFile.lines(run.scratch.path("scores.jsonl"))
        let logProbs = zip(scores, expected["logprobs"]?.array ?? []).map {
            absoluteMaximum($0["logprobs"]?.doubles ?? [], $1.doubles)
        }
        print("trajectory \(name) float32: loss \(loss), gradient norm \(early) then \(norm), log-probs \(logProbs)")
        #expect(loss <= 1e-4)
        #expect(early <= 1e-4)
        #expect(norm <= 1e-3)
        #expect(logProbs.count == 2)
        #expect(logProbs.allSatisfy { $0 <= 1e-4 })
    }

    private struct Trained {
        let scratch: Scratch
        let metrics: [JSONValue]
        func column(_ name: String) -> [Double] { metrics.compactMap { $0[name]?.double } }
    }

    private func trained(_ name: String, precision: String, micro: Int) throws -> Trained {
        let scratch = try Scratch()
        let recipe = try scratch.write(
            "recipe.yaml",
            """
            model: {path: \(Golden.path(name)), precision: \(precision)}
            trainer: {name: pretrain}
            optimizer: {name: adamw, lr: 3.0e-3, betas: [0.9, 0.95], eps: 1.0e-8, weight_decay: 0.1, decay: all}
            scheduler: {name: constant, warmup_steps: 5}
            data: {loader: {name: jsonl, shuffle: false}, train: ["\(Golden.path(name))/train.jsonl"]}
            batch: {size: 4, micro: \(micro)}
            sequence: {length: 24}
            steps: 20
            clip_grad_norm: 1.0
            """)
        let outcome = try Executable.run("train", recipe, "--run-dir", scratch.path("run"))
        try #require(outcome.status == 0, "\(outcome.diagnostics)")
        return Trained(scratch: scratch, metrics: try JSONFile.lines(scratch.path("run/metrics.jsonl")))
    }
}
