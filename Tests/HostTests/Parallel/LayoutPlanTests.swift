import Foundation
import JSON
import Testing

/// `forktail parallel plan`, held against the formulas that it is made of and against `forktail memory`.
@Suite struct LayoutPlanTests {
    let bench: TrainBench

    init() throws { bench = try TrainBench() }

    /// 12 layers, 8 heads of 64 of which each 4 share a key, 512 wide, tied, in bfloat16.
    private let config = "model={config: {model_type: llama, vocab_size: 4096, hidden_size: 512, intermediate_size: 1024, "
        + "num_hidden_layers: 12, num_attention_heads: 8, num_key_value_heads: 2, max_position_embeddings: 256, "
        + "rms_norm_eps: 1.0e-5, tie_word_embeddings: true}, precision: bfloat16}"
    /// Elements: embedding; queries and outputs, keys and values, feed-forward and two norms of 12 layers; the last norm.
    private let parameters: Int = {
        let attention = 2 * 512 * 512 + 2 * 512 * 128
        let layer = attention + 3 * 512 * 1024 + 2 * 512
        return 4096 * 512 + 12 * layer + 512
    }()
    private let tokens = 64

    private func plan(_ settings: String...) throws -> JSONValue {
        try JSONValue(parsing: outcome(settings + ["--json"]).output)
    }

    private func outcome(_ settings: [String]) throws -> Executable.Outcome {
        let outcome = try Executable.run(
            ["parallel", "plan", bench.recipe, config, "batch={size: 64, micro: 2}", "sequence.length=\(tokens)"] + settings)
        #expect([0, 3].contains(outcome.status), "\(outcome.diagnostics)")
        return outcome
    }

    /// The only layout of a plan for one.
    private func layout(_ mesh: String, _ settings: String...) throws -> JSONValue {
        let plan = try JSONValue(
            parsing: outcome(["--mesh", mesh, "--memory", "1TiB", "--json"] + settings).output)
        return try #require(plan["layouts"]?.array?.first)
    }

    /// Weights, copies, gradients and states.
    private func modelBytes(_ layout: JSONValue) -> Double {
        let parts = ["weights", "compute_copies", "gradients", "optimizer_states"]
        return parts.reduce(0) { $0 + (layout["estimated_bytes"]?[$1]?.double ?? 0) }
    }

    private func sent(_ axis: String, _ layout: JSONValue) -> Double { layout["sent_bytes"]?[axis]?.double ?? 0 }

    private func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-3) -> Bool { abs(a - b) <= tolerance * abs(b) }

    @Test(
        "one rank's estimate is that of the memory command, part by part",
        arguments: [
            [String](), ["activations.checkpoint=block"], ["activations.checkpoint=selective", "model.precision=float32"],
            ["optimizer={name: adamw, states: 8bit}", "model.precision=bfloat16-pure"],
            ["model.freeze=['*mlp*']"], ["checkpoint.every=1"],
        ])
    func oneRank(settings: [String]) throws {
        let asked = try Executable.run(
            ["memory", bench.recipe, config, "batch={size: 64, micro: 2}", "sequence.length=\(tokens)", "--json"] + settings)
        let memory = try #require(JSONValue(parsing: asked.output)["estimated_bytes"])
        let planned = try JSONValue(
            parsing: outcome(["--ranks", "1", "--memory", "1TiB", "--json"] + settings).output)
        let found = try #require(planned["layouts"]?.array?.first?["estimated_bytes"])
        for part in memory.members {
            let (expected, counted) = (part.value.double ?? 0, found[part.key]?.double ?? 0)
            // Arenas round up; the process itself is not the same one.
            let tolerance = part.key == "process_and_data" ? 0.2 : 0.02
            #expect(isClose(counted, expected, tolerance), "\(part.key): \(counted), expected \(expected)")
        }
    }

    @Test("an optimizer of whole matrices has its own states, and room for its update beside them")
    func muon() throws {
        let asked = try Executable.run(
            "memory", bench.recipe, config, "batch={size: 64, micro: 2}", "sequence.length=\(tokens)", "optimizer=muon",
            "--json")
        let memory = try #require(JSONValue(parsing: asked.output)["estimated_bytes"])
        let found = try #require(layout("data=1", "optimizer=muon")["estimated_bytes"])
        #expect(isClose(found["optimizer_states"]?.double ?? 0, memory["optimizer_states"]?.double ?? 0))
        #expect(isClose(found["total"]?.double ?? 0, memory["total"]?.double ?? 0, 0.1))
    }

    @Test(
        "zero1, zero2 and zero3 leave 6 + 12/d, 2 + 16/d and 18/d bytes a parameter", arguments: [2, 4, 8])
    func zero(ranks: Int) throws {
        let d = Double(ranks)
        let sizes: [(String, Double)] = [
            ("data", 18), ("zero1", 6 + 12 / d), ("zero2", 2 + 16 / d), ("zero3", 18 / d),
        ]
        for (strategy, expected) in sizes {
            let layout = try layout("data=\(ranks):\(strategy)")
            let bytes = modelBytes(layout) / Double(parameters)
            #expect(isClose(bytes, expected), "\(strategy): \(bytes)")
            let gathered = layout["estimated_bytes"]?["gathered_blocks"]?.integer ?? 0
            #expect((gathered > 0) == (strategy == "zero2" || strategy == "zero3"))
        }
        let hybrid = try #require(layout("data=8:zero3:shard=2")["estimated_bytes"])
        #expect(isClose(hybrid["gradients"]?.double ?? 0, 4 * Double(parameters) / 2))
    }

    @Test("float32 has no copies to keep: whole weights of zero1 and zero2 are the masters")
    func float32() throws {
        let sizes: [(String, Double)] = [("data", 16), ("zero1", 10), ("zero2", 7), ("zero3", 4)]
        for (strategy, expected) in sizes {
            let bytes = try modelBytes(layout("data=4:\(strategy)", "model.precision=float32")) / Double(parameters)
            #expect(isClose(bytes, expected), "\(strategy): \(bytes)")
        }
    }

    @Test("data ranks send what reduce-scatters and gathers of their strategy send")
    func dataTraffic() throws {
        let (p, d) = (Double(parameters), 4.0)
        let share = (d - 1) / d
        // 64 samples over 4 ranks, 2 at a time.
        let m = 8.0
        #expect(isClose(sent("data", try layout("data=4")), 2 * share * p * 4))
        #expect(isClose(sent("data", try layout("data=4:zero1")), share * p * (4 + 2)))
        #expect(isClose(sent("data", try layout("data=4:zero2")), share * p * (4 * m + 2)))
        #expect(isClose(sent("data", try layout("data=4:zero3")), share * p * (4 + 2 + 2) * m))
        // All weights, and the gradients of the largest block.
        let layer = 2_229_248.0
        let kept = try layout("data=4:zero3:reshard=false")
        #expect(isClose(sent("data", kept), share * p * (4 + 2) * m))
        #expect(isClose(kept["estimated_bytes"]?["gathered_blocks"]?.double ?? 0, 2 * p + 4 * layer))
        // Within groups of 2, then a sum of halves between the 2 groups.
        #expect(isClose(sent("data", try layout("data=4:zero1:shard=2")), 0.5 * p * (4 + 2) + 2 * 0.5 * p / 2 * 4))
    }

    @Test("tensor, pipeline and context ranks send their part of the residual stream")
    func activationTraffic() throws {
        let (layers, m, width) = (12.0, 32.0, 512.0)
        let stream = 2 * Double(tokens) * width * 2
        // Four sums a block, those of embedding and head, and three float32 numbers a token.
        let sums = 2 * 0.5 * ((4 * layers + 2) * stream + 3 * 2 * Double(tokens) * 4)
        #expect(isClose(sent("tensor", try layout("tensor=2")), sums * m))
        #expect(isClose(sent("tensor", try layout("tensor=2:sequence")), sums * m))
        let again = 2 * 0.5 * ((5 * layers + 2) * stream + 3 * 2 * Double(tokens) * 4)
        #expect(isClose(sent("tensor", try layout("tensor=2", "activations.checkpoint=block")), again * m))
        // A rank in the middle sends in both directions; the ends sum a tied embedding's gradients too.
        let embedding = 4096.0 * 512 * 4
        #expect(isClose(sent("pipeline", try layout("pipeline=2:1f1b")), stream * m + embedding))
        // Of four stages that take turns each rank sends three times.
        #expect(isClose(sent("pipeline", try layout("pipeline=2:interleaved")), 3 * stream * m + embedding))
        // With zb-v the first rank has the last stage, and the embedding once.
        #expect(isClose(sent("pipeline", try layout("pipeline=2:zb-v")), 2 * stream * m))
        let gradients = 2 * 0.5 * Double(parameters) * 4
        // Keys and values of 2 heads, once forward and twice backward; each rank has half the tokens.
        let ring = 3 * 2 * 1 * Double(tokens) * 128 * 2 * layers * m
        #expect(isClose(sent("context", try layout("context=2:ring")), ring + gradients))
        let heads = 2 * (2 * 512 + 2 * 128) * Double(tokens) * 2 * 0.5 * layers * m
        #expect(isClose(sent("context", try layout("context=2:ulysses")), heads + gradients))
    }

    @Test("bubbles are those of the schedules")
    func bubbles() throws {
        func bubble(_ schedule: String) throws -> Double { try layout("pipeline=4:\(schedule)")["bubble"]?.double ?? -1 }
        // 32 micro-batches, 4 ranks.
        #expect(try isClose(bubble("gpipe"), 3.0 / 32) && isClose(bubble("1f1b"), 3.0 / 32))
        #expect(try isClose(bubble("interleaved"), 3.0 / 64))
        #expect(try isClose(bubble("zb-h1"), 3.0 / 96) && bubble("zb-v") < 3.0 / 96)
        #expect(try layout("data=4")["bubble"]?.double == 0)
    }

    @Test("gpipe keeps every micro-batch, 1f1b as many as there are ranks, and ranks divide what they cut")
    func activations() throws {
        func activations(_ mesh: String) throws -> Double {
            try layout(mesh)["estimated_bytes"]?["activations"]?.double ?? 0
        }
        let one = try activations("data=1")
        #expect(try activations("pipeline=4:gpipe") > 3 * activations("pipeline=4:1f1b"))
        #expect(try activations("tensor=2") < one && activations("tensor=2:sequence") < activations("tensor=2"))
        #expect(try isClose(activations("context=2:ring"), one / 2))
        #expect(try activations("data=4") == one)
    }

    @Test("every factorisation with every strategy and schedule is looked at, and what cannot be trained has a reason")
    func search() throws {
        let found = try plan("--ranks", "8", "--memory", "1TiB")
        let layouts = try #require(found["layouts"]?.array)
        let left = found["left_out"]?.array ?? []
        // Sizes p d c t with p d c t = 8: five schedules, four strategies, two ways to share a context, and to cut the
        // sequence or not, where they apply.
        var expected = 0
        for p in [1, 2, 4, 8] {
            for d in [1, 2, 4, 8] where 8 % (p * d) == 0 {
                for c in [1, 2, 4, 8] where 8 % (p * d * c) == 0 {
                    expected += (p > 1 ? 5 : 1) * (d > 1 ? 4 : 1) * (c > 1 ? 2 : 1) * (p * d * c < 8 ? 2 : 1)
                }
            }
        }
        #expect(layouts.count + left.reduce(0) { $0 + ($1["layouts"]?.integer ?? 0) } == expected)
        #expect(Set(layouts.compactMap { $0["mesh"]?.string }).count == layouts.count)
        #expect(left.contains { $0["reason"]?.string?.hasPrefix("16 stages (8 ranks x 2 chunks) for the 12 layers") == true })
        #expect(layouts.allSatisfy { $0["fits"] == .bool(true) })
        let critical = layouts.compactMap { $0["critical_bytes"]?.integer }
        #expect(critical.dropFirst(8).elementsEqual(critical.dropFirst(8).sorted()))
    }

    @Test("what fits and sends least is recommended, something smaller where it does not fit, and nothing with status 3")
    func recommendation() throws {
        let wide = try plan("--ranks", "4", "--memory", "1TiB", "sequence.length=256")
        #expect(wide["recommended"]?.string?.hasPrefix("data=4") == true)
        let all = try #require(wide["layouts"]?.array)
        let sizes = all.compactMap { $0["estimated_bytes"]?["total"]?.integer }.sorted()
        let simple = try #require(all.first { $0["mesh"]?.string == "data=4" }?["estimated_bytes"]?["total"]?.integer)
        let narrow = try plan("--ranks", "4", "--memory", "\(simple - (16 << 20))", "sequence.length=256")
        #expect(narrow["reason"]?.string?.contains("; data=4 does not fit: ") == true)
        #expect(narrow["layouts"]?.array?.first?["fits"] == .bool(true))
        let smallest = try #require(sizes.first)
        let none = try outcome(["--ranks", "4", "--memory", "\(smallest / 2)", "sequence.length=256"])
        #expect(none.status == 3 && none.output.contains("recommended: none\nno layout fits: the smallest is "))
        let text = try outcome(["--ranks", "4", "--memory", "1TiB", "--top", "3"])
        #expect(text.status == 0 && text.output.contains("... and \(all.count - 3) more (--top 0)"))
    }

    @Test("the schedule of a pipeline is drawn, a layout without one is told so")
    func timeline() throws {
        let file = bench.scratch.path("schedule.svg")
        _ = try outcome(["--mesh", "pipeline=4:zb-h1", "--memory", "1TiB", "--timeline", file])
        let drawing = try bench.scratch.text("schedule.svg")
        #expect(drawing.hasPrefix("<svg") && drawing.contains("rank 3") && !drawing.contains("rank 4"))
        let flat = try Executable.run(
            "parallel", "plan", bench.recipe, "--mesh", "data=2", "--memory", "1TiB", "--timeline", file)
        #expect(flat.status == 2)
        #expect(
            flat.error == "--timeline: the layout data=2 has no pipeline to draw\n    fix: --mesh pipeline=4:1f1b")
    }

    @Test("wrong options, and layouts that do not suit the recipe, are told at once")
    func wrong() throws {
        func error(_ options: String...) throws -> String? {
            let outcome = try Executable.run(["parallel", "plan", bench.recipe] + options)
            #expect(outcome.status == 2)
            return outcome.error
        }
        #expect(
            try error() == "--ranks: is missing, and the recipe has no layout of several ranks\n    fix: --ranks 8")
        #expect(
            try error("--ranks", "0", "--memory", "lots", "--top=-1", "--flops-per-byte", "0") == """
                --ranks: found 0, expected 1 or more
                --flops-per-byte: found 0.0, expected a number above 0
                --top: found -1, expected 0 or more
                --memory: found 'lots', expected a size above 0
                    fix: --memory 24GiB
                """)
        #expect(
            try error("--ranks", "3", "--mesh", "data=2")
                == "--ranks: found 3, the layout data=2 has 2\n    fix: --ranks 2")
    }

    @Test("ranks that wait for others with more samples, or for a schedule's empty micro-batches, are counted as waiting")
    func unevenness() throws {
        func waiting(_ mesh: String, _ settings: String...) throws -> Double {
            try layout(mesh)["bubble"]?.double ?? -1
        }
        // 64 samples on 3 ranks: 22 on the fullest.
        #expect(isClose(try waiting("data=3"), 66.0 / 64 - 1))
        // 11 micro-batches, in groups of 2.
        #expect(isClose(try waiting("data=3,pipeline=2:interleaved"), (1 + 1 / 24) * 12 / 11 * 66 / 64 - 1))
    }

    @Test(
        "plan and train refuse a layout with the same words",
        arguments: [
            "{tensor: 3}", "{pipeline: {size: 2, layers: [1, 12]}}", "{data: {size: 4, strategy: zero1, shard: 3}}",
            "{context: {size: 3, strategy: ulysses}}", "{data: {size: 2, stratgy: zero1}}",
            "{pipeline: {size: 2, schedule: interleaved, chunks: 8}}",
        ])
    func sameRefusals(section: String) throws {
        let given = [bench.recipe, config, "parallel=\(section)"]
        let plan = try Executable.run(["parallel", "plan"] + given)
        let ranks = try #require([4, 3, 2].first { section.contains(": \($0)") })
        let train = try Executable.shell(
            "exec mpirun --allow-run-as-root --oversubscribe --mca btl self,vader --mca mpi_yield_when_idle 1 -n \(ranks) "
                + "\"$0\" train \"$@\"", given + ["--run-dir", bench.scratch.path("run")])
        #expect(plan.status == 2 && train.status == 2)
        let error = try #require(plan.error)
        #expect(train.diagnostics.contains(error), "\(error)\n\(train.diagnostics)")
    }

    @Test("train and memory refuse a layout of several ranks, which is written resolved otherwise")
    func refusals() throws {
        let train = try bench.train("parallel={data: 2, tensor: {size: 2, sequence: true}}")
        #expect(train.status == 2)
        #expect(
            train.error?.hasPrefix(
                "parallel: data 2 x tensor 2 asks for 4 ranks, and 1 was started") == true)
        #expect(!bench.scratch.exists("run"))
        let memory = try Executable.run("memory", bench.recipe, "parallel.data=2")
        #expect(memory.status == 2 && memory.error?.contains("fix: forktail parallel plan \(bench.recipe)") == true)
        let own = try Executable.run(
            "parallel", "plan", bench.recipe, "parallel={data: {size: 2, strategy: zero1}}", "--memory", "1TiB")
        #expect(own.status == 0 && own.output.hasPrefix("2 ranks with 1.0 TiB each; layouts: 1 fit, 0 do not"))
        #expect(own.output.contains("in the recipe:\nparallel:\n  data:\n    size: 2\n    strategy: zero1\n"))
        #expect(try bench.train("steps=1", "parallel={data: 1, pipeline: {size: 1, schedule: zb-v}}").status == 0)
        let written = try bench.scratch.text("run/recipe.yaml")
        #expect(written.contains("schedule: zb-v") && written.contains("strategy: data"))
    }
}
