import Core
import Foundation
import Host
import JSON
import PluginAPI
import Testing

/// DeepSpeed and accelerate configurations as parts of a recipe.
@Suite struct ImportedConfigurationTests {
    private static func path(_ name: String) -> String {
        Golden.packageRoot + "/Tests/Reference/configurations/" + name
    }

    private func read(_ name: String, ranks: Int? = nil) throws -> ImportedConfiguration {
        let text = try String(contentsOfFile: ImportedConfigurationTests.path(name), encoding: .utf8)
        return try ImportedConfiguration(text, name: name, rankCount: ranks)
    }

    /// A recipe's parts, as YAML on one line.
    private func yaml(_ text: String) throws -> JSONValue { try RecipeFile.parse("parts: \(text)", name: "test")["parts"] ?? .null }

    private func expectSame(_ found: JSONValue, _ expected: JSONValue, _ name: String) {
        #expect(found.sorted == expected.sorted, "\(name): \(found.text)")
    }

    @Test(
        "files as they are found become the recipe parts that they mean",
        arguments: [
            (
                "deepspeed-stage0.json", 8,
                "{optimizer: {name: adamw, lr: 0.0003, betas: [0.9, 0.95], eps: 1.0e-8, weight_decay: 0.1, decay: all}, "
                    + "clip_grad_norm: 0.5, batch: {size: 32, micro: 4}, parallel: {data: {size: 8, strategy: data}}}"
            ),
            (
                // All three numbers of the batch say how many ranks there are.
                "deepspeed-stage1.json", nil,
                "{model: {precision: bfloat16}, optimizer: {name: adamw, lr: 0.0006, betas: [0.9, 0.999], eps: 1.0e-8, "
                    + "weight_decay: 0.0}, scheduler: {name: linear, warmup_steps: 100}, steps: 2000, clip_grad_norm: 1.0, "
                    + "batch: {size: 256, micro: 8}, parallel: {data: {size: 8, strategy: zero1}}}"
            ),
            (
                "deepspeed-stage2-offload.json", 4,
                "{optimizer: {name: adamw}, scheduler: {name: constant}, parallel: {data: {size: 4, strategy: zero2}}}"
            ),
            (
                "deepspeed-stage3.json", 16,
                "{model: {precision: bfloat16}, clip_grad_norm: 1.0, batch: {size: 128, micro: 2}, "
                    + "parallel: {data: {size: 8, strategy: zero3, shard: 4}, tensor: {size: 2}}}"
            ),
            (
                "deepspeed-pipeline.json", 8,
                "{activations: {checkpoint: block}, optimizer: {name: sgd, lr: 0.1, momentum: 0.9, nesterov: false}, "
                    + "scheduler: {name: cosine, warmup_steps: 50, min_ratio: 0.1}, steps: 1000, clip_grad_norm: null, "
                    + "batch: {size: 64, micro: 2}, parallel: {data: {size: 2, strategy: zero1}, pipeline: {size: 4}}}"
            ),
            (
                "accelerate-cpu.yaml", nil,
                "{model: {precision: float32}, parallel: {data: {size: 8, strategy: data}}}"
            ),
            (
                "accelerate-deepspeed.yaml", nil,
                "{model: {precision: bfloat16}, clip_grad_norm: 1.0, parallel: {data: {size: 4, strategy: zero3}}}"
            ),
            (
                "accelerate-fsdp.yaml", nil,
                "{activations: {checkpoint: block}, model: {precision: bfloat16}, "
                    + "parallel: {data: {size: 16, strategy: zero3, shard: 8}}}"
            ),
            (
                "accelerate-fsdp2-mesh.yaml", nil,
                "{model: {precision: bfloat16}, parallel: {data: {size: 4, strategy: zero2, shard: 2}, tensor: {size: 2}, "
                    + "context: {size: 2, strategy: ring}}}"
            ),
            (
                "accelerate-megatron.yaml", nil,
                "{activations: {checkpoint: selective}, model: {precision: bfloat16}, clip_grad_norm: 1.0, "
                    + "parallel: {data: {size: 2, strategy: zero1}, tensor: {size: 2, sequence: true}, pipeline: {size: 2}}}"
            ),
        ] as [(String, Int?, String)])
    func files(name: String, ranks: Int?, expected: String) throws {
        let imported = try read(name, ranks: ranks)
        #expect(imported.refusals.isEmpty, "\(imported.refusals)")
        expectSame(imported.recipe, try yaml(expected), name)
        try expectEveryKey(of: name, imported)
        // The parts are a recipe's: its reader knows every key of them.
        let registry = try RegistryBuilder(TestPlugins.catalog(BuiltinPlugins.all)).build()
        let layout = try RunLayout(imported.recipe["parallel"] ?? .null, registry)
        #expect(ranks.map { $0 == layout.shape.rankCount } ?? true)
    }

    /// Every leaf of the file stands in the list once.
    private func expectEveryKey(of name: String, _ imported: ImportedConfiguration) throws {
        let text = try String(contentsOfFile: ImportedConfigurationTests.path(name), encoding: .utf8)
        let value = name.hasSuffix("json") ? try JSONValue(parsing: text) : try RecipeFile.parse(text, name: name)
        for path in value.leaves(at: "") {
            #expect(imported.keys.count { $0.path == path } == 1, "\(name): \(path)")
        }
        #expect(imported.keys.allSatisfy { !$0.note.isEmpty })
    }

    @Test("a 1-bit optimizer, float16 and tensors on disks are refused, each reason once")
    func refused() throws {
        let oneBit = try read("deepspeed-onebit.json", ranks: 64)
        #expect(
            oneBit.refusals.map(\.description) == [
                "optimizer.type: \"OneBitAdam\" is refused: OneBitAdam rounds gradients to one bit, which changes results; "
                    + "AdamW is exact",
                "fp16.enabled: true is refused: float16 with a scaled loss does not exist here; bf16 needs no scale: "
                    + "{\"bf16\": {\"enabled\": true}}",
            ])
        try expectEveryKey(of: "deepspeed-onebit.json", oneBit)
        let disk = try read("deepspeed-nvme.json", ranks: 4)
        #expect(disk.refusals.map(\.place) == [
            "zero_optimization.offload_optimizer.device", "scheduler.params.warmup_type",
        ])
        try expectEveryKey(of: "deepspeed-nvme.json", disk)
    }

    // MARK: every key

    @Test("every key of a DeepSpeed file is honoured, accepted or refused; none falls through")
    func deepSpeed() throws {
        for key in ForeignKey.deepSpeed {
            // train_batch_size makes the file DeepSpeed's and says nothing else.
            var object = try nested(key.path, key.value)
            if object["train_batch_size"] == nil { object = object.setting("train_batch_size", to: .string("auto")) }
            try expect(key.path, key.outcome, in: object)
        }
    }

    @Test("every key of an accelerate file is honoured, accepted or refused; none falls through")
    func accelerate() throws {
        for key in ForeignKey.accelerate {
            var object = try nested(key.path, key.value)
            if object["distributed_type"] == nil { object = object.setting("distributed_type", to: .string("MULTI_CPU")) }
            try expect(key.path, key.outcome, in: object)
        }
    }

    private func nested(_ path: String, _ value: String) throws -> JSONValue {
        try path.split(separator: ".").reversed().reduce(JSONValue(parsing: value)) { inner, key in
            .object([.init(String(key), inner)])
        }
    }

    private func expect(_ path: String, _ outcome: ImportedKey.Outcome, in object: JSONValue) throws {
        let distributed = object["num_processes"] == nil && object["distributed_type"] != .string("NO")
        let isMesh = object["parallelism_config"]?.members.contains { $0.key.contains("dp_") } ?? false
        let imported: ImportedConfiguration
        do {
            imported = try ImportedConfiguration(
                object.text, name: "test", rankCount: distributed ? (isMesh ? 2 : 8) : nil)
        } catch {
            Issue.record("\(path): \(error)")
            return
        }
        let found = imported.keys.filter { $0.path == path || $0.path.hasPrefix(path + ".") }
        #expect(!found.isEmpty, "\(path) fell through")
        #expect(found.contains { $0.outcome == outcome }, "\(path): \(found.map { "\($0.outcome) \($0.note)" })")
        if outcome != .refused { #expect(imported.refusals.isEmpty, "\(path): \(imported.refusals)") }
    }

    // MARK: rules

    private func deepSpeed(_ text: String, ranks: Int? = 8) throws -> ImportedConfiguration {
        try ImportedConfiguration(text, name: "ds.json", rankCount: ranks)
    }

    @Test("of samples of a step, of a micro-batch, and steps of accumulation, what is missing follows")
    func batches() throws {
        func batch(_ text: String, ranks: Int? = 8) throws -> JSONValue? {
            try deepSpeed("{\(text)}", ranks: ranks).recipe["batch"]
        }
        let (size, micro, steps) = ("\"train_batch_size\": ", "\"train_micro_batch_size_per_gpu\": ", "\"gradient_accumulation_steps\": ")
        #expect(try batch(size + "64, " + micro + "2") == yaml("{size: 64, micro: 2}"))
        #expect(try batch(size + "64, " + steps + "4") == yaml("{size: 64, micro: 2}"))
        #expect(try batch(micro + "2, " + steps + "4") == yaml("{size: 64, micro: 2}"))
        #expect(try batch(size + "64") == yaml("{size: 64, micro: 8}"))
        #expect(try batch(micro + "2") == yaml("{size: 16, micro: 2}"))
        #expect(try batch(size + "64, " + micro + "2, " + steps + "4", ranks: nil) == yaml("{size: 64, micro: 2}"))
        #expect(try batch(size + "\"auto\"") == nil)
        for (text, problem) in [
            (
                size + "60, " + micro + "2, " + steps + "4",
                "batch: 60 samples are not 2 x 4 micro-batches x 8 data ranks = 64"
            ),
            (size + "60, " + micro + "2", "batch: 60 samples cannot be divided into micro-batches of 2 on 8 data ranks"),
            (size + "60", "batch: 60 samples cannot be divided into 8 micro-batches"),
        ] {
            #expect { try batch(text) } throws: { "\($0)" == problem }
        }
        #expect { try batch(size + "64", ranks: nil) } throws: {
            "\($0)" == "--ranks: is missing: the file does not say how many ranks there are\n    fix: --ranks 8"
        }
    }

    @Test("an absent gradient_clipping is 1.0 as in DeepSpeed, said loudly; 0 is none; auto is the recipe's")
    func clipping() throws {
        let absent = try deepSpeed(#"{"train_batch_size": 8}"#)
        #expect(absent.recipe["clip_grad_norm"] == .double(1))
        #expect(absent.keys.contains { $0.path == "gradient_clipping" && $0.note.hasPrefix("absent: clip_grad_norm: 1.0") })
        #expect(try deepSpeed(#"{"gradient_clipping": 0}"#).recipe["clip_grad_norm"] == .null)
        #expect(try deepSpeed(#"{"gradient_clipping": "auto"}"#).recipe["clip_grad_norm"] == nil)
    }

    @Test("logarithmic warm-up, DeepSpeed's own, is refused whether it is written or implied; linear is honoured")
    func warmup() throws {
        func refusals(_ parameters: String) throws -> [String] {
            try deepSpeed(#"{"scheduler": {"type": "WarmupLR", "params": {"# + parameters + "}}}").refusals.map(\.place)
        }
        #expect(try refusals(#""warmup_num_steps": 10"#) == ["scheduler.params.warmup_type"])
        #expect(try refusals("") == ["scheduler.params.warmup_type"])
        #expect(try refusals(#""warmup_num_steps": 10, "warmup_type": "log""#) == ["scheduler.params.warmup_type"])
        #expect(try refusals(#""warmup_num_steps": 10, "warmup_type": "linear""#) == [])
        #expect(try refusals(#""warmup_num_steps": "auto""#) == [])
        #expect(
            try refusals(#""warmup_num_steps": "auto", "warmup_min_lr": 1e-5"#) == ["scheduler.params.warmup_min_lr"])
    }

    @Test("optimizers keep their meaning or are refused")
    func optimizers() throws {
        func read(_ type: String, _ parameters: String = "") throws -> ImportedConfiguration {
            try deepSpeed(#"{"gradient_clipping": 1, "optimizer": {"type": "\#(type)", "params": {\#(parameters)}}}"#)
        }
        #expect(try read("Adam").recipe["optimizer"]?["name"] == .string("adamw"))
        #expect(try read("Adam", #""adam_w_mode": false"#).refusals.map(\.place) == ["optimizer.params.adam_w_mode"])
        #expect(try read("AdamW", #""bias_correction": false"#).refusals.count == 1)
        #expect(try read("AdamW", #""amsgrad": true"#).refusals.count == 1)
        #expect(try read("Lion", #""weight_decay": 0.1, "lr": 1e-4"#).recipe["optimizer"]?["decay"] == .string("all"))
        for type in ["OneBitAdam", "ZeroOneAdam", "OneBitLamb", "Adagrad", "Lamb", "Muon", "MuAdam"] {
            #expect(try read(type, #""lr": 0.1"#).refusals.count == 1, "\(type)")
        }
        #expect { try read("AdmW") } throws: {
            "\($0)" == "optimizer.type: found 'AdmW', expected AdamW | Adam | Lion | SGD; did you mean 'AdamW'?"
        }
    }

    @Test("unknown keys, keys that stand twice and values without a meaning are told at once")
    func problems() {
        #expect {
            try deepSpeed(
                #"{"train_batch_sise": 8, "zero_optimization": {"stage": "two", "overlap_com": true}, "bf16": 1, "#
                    + #""gradient_clipping": 1, "gradient_clipping": 2, "steps_per_print": 5}"#)
        } throws: { error in
            "\(error)" == """
                train_batch_sise: unknown key; did you mean 'train_batch_size'?
                zero_optimization.stage: found "two", which has no meaning here
                zero_optimization.overlap_com: unknown key; did you mean 'overlap_comm'?
                bf16: found 1, expected keys
                gradient_clipping: the key stands twice
                """
        }
        #expect { try ImportedConfiguration("a: 1\n", name: "x.yaml") } throws: {
            "\($0)".hasPrefix("x.yaml: is neither of DeepSpeed (train_batch_size, zero_optimization, ...) nor of accelerate")
        }
        #expect { try ImportedConfiguration("{\"a\": ", name: "x.json") } throws: { "\($0)".hasPrefix("x.json: is not JSON") }
        #expect {
            try ImportedConfiguration("distributed_type: FSDP\nnum_processes: 4\nfsdp_config: {fsdp_versoin: 2}\n", name: "x")
        } throws: { "\($0)" == "fsdp_config.fsdp_versoin: unknown key; did you mean 'fsdp_version'?" }
        #expect {
            try ImportedConfiguration("distributed_type: MULTI_CPU\nnum_processes: 4\n", name: "x", rankCount: 8)
        } throws: { "\($0)" == "--ranks: found 8, the file says 4" }
        #expect {
            try ImportedConfiguration(
                "distributed_type: TP\nnum_processes: 6\nparallelism_config: {tp_size: 4}\n", name: "x")
        } throws: { "\($0)".hasPrefix("--ranks: found 6 ranks, the sizes of the file make 4 or more") }
    }

    @Test("an accelerate file that names a DeepSpeed file is both")
    func nestedFile() throws {
        let text = """
            distributed_type: DEEPSPEED
            num_processes: 8
            deepspeed_config: {deepspeed_config_file: ds.json}
            """
        let imported = try ImportedConfiguration(text, name: "a.yaml") { path in
            #expect(path == "ds.json")
            return #"{"zero_optimization": {"stage": 2}, "train_micro_batch_size_per_gpu": 4, "gradient_clipping": 2}"#
        }
        expectSame(
            imported.recipe,
            try yaml("{clip_grad_norm: 2.0, batch: {size: 32, micro: 4}, parallel: {data: {size: 8, strategy: zero2}}}"), "both")
        #expect(imported.keys.contains { $0.path == "ds.json.zero_optimization.stage" })
    }

    @Test("the command prints YAML that a recipe can hold, and ends with status 2 when a key is refused")
    func command() throws {
        let good = try Executable.run("parallel", "import", ImportedConfigurationTests.path("deepspeed-stage1.json"))
        #expect(good.status == 0, "\(good.diagnostics)")
        #expect(good.output.contains("# honoured zero_optimization.stage = 1: parallel.data.strategy: zero1\n"))
        let parsed = try RecipeFile.parse(good.output, name: "output")
        expectSame(parsed, try read("deepspeed-stage1.json").recipe, "output")
        let bad = try Executable.run(
            "parallel", "import", ImportedConfigurationTests.path("deepspeed-onebit.json"), "--ranks", "64", "--json")
        #expect(bad.status == 2)
        #expect(bad.error?.hasPrefix("optimizer.type: \"OneBitAdam\" is refused: ") == true)
        let keys = try #require(JSONValue(parsing: bad.output)["keys"]?.array)
        #expect(try JSONValue(parsing: bad.output)["recipe"] == .null)
        #expect(keys.contains { $0["key"] == .string("fp16.enabled") && $0["outcome"] == .string("refused") })
    }

    @Test("what is imported trains once it stands in a recipe of one rank")
    func trains() throws {
        let bench = try TrainBench()
        let file = try bench.scratch.write(
            "ds.json",
            #"{"train_batch_size": 4, "train_micro_batch_size_per_gpu": 2, "bf16": {"enabled": true}, "gradient_clipping": 1.0, "#
                + #""optimizer": {"type": "AdamW", "params": {"lr": 1e-3, "weight_decay": 0.1}}, "scheduler": {"type": "#
                + #""WarmupDecayLR", "params": {"warmup_num_steps": 2, "warmup_type": "linear", "warmup_max_lr": 1e-3, "#
                + #""total_num_steps": 3}}}"#)
        let imported = try Executable.run("parallel", "import", file, "--ranks", "1")
        #expect(imported.status == 0, "\(imported.diagnostics)")
        let recipe = try bench.scratch.write(
            "imported.yaml",
            imported.output
                .replacing("model:\n", with: "model:\n  path: \(Golden.path("llama"))\n")
                + "trainer: pretrain\ndata: {train: [\"\(bench.data)\"]}\nsequence: {length: 24}\n")
        let outcome = try Executable.run("train", recipe, "--run-dir", bench.scratch.path("imported"))
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
    }
}

extension JSONValue {
    /// Objects with their keys in order, numbers as the numbers that they are.
    fileprivate var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(members.map { .init($0.key, $0.value.sorted) }.sorted { $0.key < $1.key })
        case .array(let values): .array(values.map(\.sorted))
        case .number: double.map { .double($0) } ?? self
        default: self
        }
    }

    /// The paths of everything that is no object with keys.
    fileprivate func leaves(at place: String) -> [String] {
        members.isEmpty ? [place] : members.flatMap { $0.value.leaves(at: place.isEmpty ? $0.key : "\(place).\($0.key)") }
    }
}
