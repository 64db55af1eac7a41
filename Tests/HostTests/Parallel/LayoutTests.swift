import Foundation
import JSON
import Testing

/// Every layout trains the model that one rank trains. All layouts of up to eight ranks: Benchmarks/layouts.
@Suite struct LayoutTests {
    @Test(arguments: [
        (LayoutBench.Form.tied, "data=3"), (.tied, "data=2:zero1"), (.tied, "data=4:zero3:shard=2"), (.tied, "tensor=4"),
        (.tied, "pipeline=4"), (.tied, "pipeline=2:interleaved"), (.tied, "data=2:zero2,pipeline=2:zb-h1,tensor=2"),
        (.tied, "data=2:zero3,pipeline=2:zb-v"), (.tied, "pipeline=3:gpipe:layers=2+1+1"),
        (.untied, "data=2:zero3,tensor=2,pipeline=2"), (.untied, "data=2:zero2,pipeline=2:zb-v"),
        (.gpt2, "tensor=2"), (.gpt2, "data=2:zero3,tensor=2,pipeline=2:interleaved"), (.gpt2, "data=3:zero1,tensor=4"),
        (.tied, "context=4:ring"), (.tied, "data=2:zero3,tensor=2:sequence,context=2:ulysses"),
        (.gpt2, "context=2:ring,pipeline=2:zb-v,tensor=2:sequence"), (.mixtral, "tensor=2"), (.mixtral, "pipeline=2:1f1b"),
        (.mixtral, "data=2:zero3,tensor=2,pipeline=2:zb-v"),
        (.tied, "context=2"), (.tied, "context=4:ulysses"), (.tied, "tensor=4:sequence"),
        (.untied, "data=2:zero3,pipeline=2:zb-v,context=2"), (.gpt2, "pipeline=2,context=2:ulysses,tensor=2:sequence"),
        (.gpt2, "context=3,tensor=2"), (.mixtral, "context=2,tensor=2:sequence"),
        (.mixtral, "expert=2"), (.mixtral, "expert=4"), (.mixtral, "data=2:zero3,expert=2,tensor=2"),
        (.mixtral, "data=2:zero2,expert=2,context=2"), (.mixtral, "expert=2,pipeline=2:zb-v,tensor=2:sequence"),
    ])
    func `a layout equals one rank in float64`(form: LayoutBench.Form, mesh: String) throws {
        let bench = try LayoutBench(form)
        let outcome = try Executable.run("parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "3", "--json")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
        let report = try JSONValue(parsing: outcome.output)
        #expect(report["holds"] == .bool(true))
        #expect(report["rows"]?.array?.count == 11)
        #expect(report["rows"]?.array?.first?["difference"]?.double == 0)
    }

    @Test(arguments: [
        "data=2:zero3", "tensor=2,pipeline=2", "data=2:zero2,tensor=2", "context=2,tensor=2:sequence", "context=2:ulysses",
    ], ["none", "block", "selective"])
    func `layouts equal one rank in float32, whatever is recomputed`(mesh: String, checkpointing: String) throws {
        let bench = try LayoutBench()
        let outcome = try Executable.run(
            "parallel", "verify", bench.recipe, "--mesh", mesh, "--precision", "float32",
            "activations.checkpoint=\(checkpointing)")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
    }

    @Test(arguments: ["none", "block", "selective"])
    func `ranks without samples serve the experts of others, whatever is recomputed`(checkpointing: String) throws {
        let bench = try LayoutBench(.mixtral)
        for mesh in ["expert=4", "expert=4,pipeline=2:1f1b", "data=2:zero3,expert=2,context=2"] {
            let outcome = try Executable.run(
                "parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "3", "batch={size: 5, micro: 1}",
                "objective.router_balance=0", "activations.checkpoint=\(checkpointing)")
            #expect(outcome.status == 0, "\(mesh) \(outcome.output) \(outcome.diagnostics)")
        }
    }

    @Test(arguments: ["data=3", "context=2", "context=4:ulysses", "data=2:zero2,context=2,tensor=2:sequence"])
    func `documents, windows and pairs are those of one rank`(mesh: String) throws {
        let bench = try LayoutBench()
        let pairsFile = try bench.writePairs()
        let window = LayoutBench.Form.tied.config.replacing("model_type: llama", with: "model_type: mistral, sliding_window: 5")
        for settings in [
            ["sequence.pack=true", "sequence.length=27"], ["model.config=\(window)"],
            ["trainer=dpo", "data.train=[\(pairsFile)]"],
        ] {
            let outcome = try Executable.run(
                ["parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "3"] + settings)
            #expect(outcome.status == 0, "\(settings) \(outcome.output) \(outcome.diagnostics)")
        }
    }

    @Test(arguments: [
        (LayoutBench.Form.tied, "data=2:zero3"), (.tied, "tensor=2,context=2"), (.tied, "pipeline=2:zb-v,data=2"),
        (.tied, "data=3:zero1"), (.mixtral, "expert=2,tensor=2"),
    ])
    func `a policy that ranks divide samples what one rank samples`(form: LayoutBench.Form, mesh: String) throws {
        let bench = try LayoutBench(form)
        let prompts = (0..<6).map { "{\"prompt_ids\": [\($0 + 1), \($0 * 7 % 61), 5]}\n" }.joined()
        let outcome = try Executable.run(
            "parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "3",
            "data.train=[\(try bench.scratch.write("prompts.jsonl", prompts))]", "batch={size: 2, micro: 1}",
            "trainer={name: grpo, rewards: [{name: length, max: 4, margin: 12}], num_generations: 4, "
                + "max_completion_length: 6, stop_ids: [3, 7, 11]}", "objective.router_balance=0")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
    }

    @Test(arguments: [
        (LayoutBench.Form.tied, "tensor=2"), (.tied, "tensor=4:sequence"), (.gpt2, "tensor=2,pipeline=2"),
        (.tied, "data=2:zero3,context=2"), (.untied, "data=2:zero1,tensor=2"), (.mixtral, "tensor=2"),
    ])
    func `an optimizer of whole matrices makes the same of them in any layout`(form: LayoutBench.Form, mesh: String) throws {
        let bench = try LayoutBench(form)
        let outcome = try Executable.run(
            "parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "3", "optimizer={name: muon, lr: 0.01, exclude: []}")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
    }

    @Test func `8-bit states are those of one rank, and refused where ranks would cut their blocks`() throws {
        let bench = try LayoutBench()
        func verify(_ width: Int, _ mesh: String) throws -> Executable.Outcome {
            let config = LayoutBench.Form.tied.config.replacing("hidden_size: 16, intermediate_size: 24, num_hidden_layers: 4",
                with: "hidden_size: \(width), intermediate_size: 512, num_hidden_layers: 1")
            return try Executable.run(
                "parallel", "verify", bench.recipe, "--mesh", mesh, "--steps", "2", "model.config=\(config)",
                "optimizer={name: adamw, lr: 1.0e-3, states: 8bit}", "batch={size: 2, micro: 1}")
        }
        for mesh in ["tensor=2", "data=2:zero2"] {
            let outcome = try verify(512, mesh)
            #expect(outcome.status == 0, "\(mesh) \(outcome.output) \(outcome.diagnostics)")
        }
        // Between layers the parts that ranks own are small, and still in 8 bits.
        let shared = try verify(64, "data=2:zero3")
        #expect(shared.status == 0, "\(shared.output) \(shared.diagnostics)")
        let refused = try verify(64, "tensor=2")
        #expect(refused.status == 2)
        #expect(
            refused.error?.hasPrefix(
                "optimizer.states: 8bit keeps blocks of 256 elements, and tensor=2 cuts blocks of "
                    + "model.layers.0.self_attn.o_proj.weight [64, 64] into parts [64, 32]") == true)
    }

    @Test func `pairs are scored by experts that every rank has`() throws {
        let bench = try LayoutBench(.mixtral)
        let outcome = try Executable.run(
            "parallel", "verify", bench.recipe, "--mesh", "expert=4", "--steps", "3", "trainer=dpo",
            "data.train=[\(try bench.writePairs())]", "batch={size: 6, micro: 1}", "objective.router_balance=0")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
    }

    @Test func `every layout of two ranks is gone through`() throws {
        let bench = try LayoutBench()
        let outcome = try Executable.run("parallel", "verify", bench.recipe, "--ranks", "2", "--steps", "2")
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.diagnostics)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("equal  data=2:zero3  largest difference ") })
        #expect(lines.contains { $0.hasPrefix("equal  pipeline=2:zb-v  ") })
    }

    @Test(arguments: [
        (1, "{}", 2, "{data: {size: 2, strategy: zero3}}"),
        (2, "{data: {size: 2, strategy: zero2}}", 2, "{pipeline: {size: 2, schedule: zb-v}}"),
        (4, "{tensor: 2, pipeline: 2}", 3, "{data: {size: 3, strategy: zero1}}"),
        (2, "{tensor: 2}", 1, "{}"), (4, "{expert: 4}", 2, "{expert: 2}"),
        (2, "{data: {size: 2, strategy: zero3}}", 4, "{expert: 2, tensor: 2}"),
    ])
    func `a checkpoint of one layout goes on under another`(first: Int, a: String, then: Int, b: String) throws {
        let bench = try LayoutBench((a + b).contains("expert") ? .mixtral : .tied)
        #expect(try bench.train("whole").status == 0)
        let before = try bench.train("run", ranks: first, layout: a, "steps=3")
        #expect(before.status == 0, "\(before.diagnostics)")
        let after = try bench.train("run", ranks: then, layout: b)
        #expect(after.status == 0, "\(after.diagnostics)")
        #expect(largestDifference(try bench.figures("run"), try bench.figures("whole")) <= 1e-9)
        #expect(bench.scratch.exists("run/final/model.safetensors") && !bench.scratch.exists("run/final.parts"))
    }

    @Test func `ranks in processes of their own verify too`() throws {
        let bench = try LayoutBench()
        let outcome = try Executable.shell(
            "exec mpirun --allow-run-as-root --oversubscribe --mca btl self,vader --mca mpi_yield_when_idle 1 -n 4 \"$0\" "
                + "parallel verify \"$1\" --mesh data=2:zero3,tensor=2 --mpi --json --steps 3", [bench.recipe])
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        #expect(try JSONValue(parsing: outcome.output)["holds"] == .bool(true))
    }

    @Test func `micro-batches of another size are refused where experts are balanced over them`() throws {
        let bench = try LayoutBench(.mixtral)
        func verify(_ settings: String...) throws -> Executable.Outcome {
            try Executable.run(["parallel", "verify", bench.recipe, "--mesh", "data=4", "--steps", "2"] + settings)
        }
        let outcome = try verify("batch.micro=4")
        #expect(outcome.status == 2)
        #expect(outcome.error?.hasPrefix("batch: 8 samples over 4 ranks are no whole micro-batches of 4") == true)
        #expect(outcome.error?.contains("fix: batch.size=16, or objective.router_balance=0") == true)
        #expect(try verify().status == 0)
        #expect(try verify("batch.micro=4", "objective.router_balance=0").status == 0)
    }

    @Test func `what keeps a run from being divided is told once, before anything is written`() throws {
        let bench = try LayoutBench()
        func refusal(_ ranks: Int, _ layout: String) throws -> String {
            let outcome = try bench.train("run", ranks: ranks, layout: layout)
            #expect(outcome.status != 0)
            #expect(!bench.scratch.exists("run/recipe.yaml"))
            let errors = outcome.diagnostics.components(separatedBy: "error: ").dropFirst()
            #expect(errors.count == 1, "\(outcome.diagnostics)")
            return errors.first ?? ""
        }
        #expect(try refusal(1, "{data: 2}").hasPrefix("parallel: data 2 asks for 2 ranks, and 1 was started"))
        #expect(try refusal(1, "{data: {size: 2, stratgy: zero1}}").contains("did you mean 'strategy'?"))
        #expect(try refusal(2, "{data: 3}").hasPrefix("parallel: data 3 asks for 3 ranks, and 2 were started"))
        #expect(try refusal(3, "{tensor: 3}").contains("4 heads"))
        #expect(try refusal(8, "{tensor: 8}").contains("8 ranks cannot divide 4 heads evenly"))
        #expect(try refusal(3, "{context: {size: 3, strategy: ulysses}}").contains("parallel.context.strategy=ring"))
        #expect(try refusal(2, "{expert: 2}").contains("2 ranks, and the model has no experts"))
        #expect(try refusal(2, "{pipeline: {size: 2, layers: [3, 2]}}").contains("expected 4 layers in 2 stages"))
    }
}
