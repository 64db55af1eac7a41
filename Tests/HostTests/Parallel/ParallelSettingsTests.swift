import Core
import Host
import JSON
import PluginAPI
import Testing

/// How `parallel:` and `--mesh` are read, written, and held against a model.
@Suite struct ParallelSettingsTests {
    private func read(_ yaml: String) throws -> (ParallelSettings, [String]) {
        let value = try RecipeFile.parse(yaml, name: "test")["parallel"]
        var problems: [InputProblem] = []
        let settings = ParallelSettings(value, problems: &problems)
        return (settings, problems.map(\.description))
    }

    @Test("a bare number is a size with the axis's default strategy, and what is absent is one rank")
    func bareNumbers() throws {
        let (settings, problems) = try read("parallel: {data: 4, tensor: 2, pipeline: 3, context: 5, expert: 2}")
        #expect(problems.isEmpty)
        #expect(settings.rankCount == 240 && settings.sampleRankCount == 8)
        #expect(settings.data.strategy == .data && settings.data.shardCount == 1 && !settings.tensor.sequence)
        #expect(settings.pipeline.schedule == .oneForwardOneBackward && settings.pipeline.chunkCount == 1)
        #expect(settings.context.strategy == .ring)
        for text in ["parallel: {}", "parallel:", "name: x"] { #expect(try read(text).0 == ParallelSettings()) }
    }

    @Test("every key is read, and the resolved section reads back as the same settings")
    func everyKey() throws {
        let (settings, problems) = try read(
            """
            parallel:
              data: {size: 4, strategy: zero3, shard: 2, prefetch: 3, reshard: false}
              tensor: {size: 2, sequence: true}
              pipeline: {size: 2, schedule: interleaved, chunks: 3, layers: [3, 2, 2, 2, 2, 1]}
              context: {size: 2, strategy: ulysses}
              expert: {size: 2}
            """)
        #expect(problems.isEmpty)
        #expect(settings.data.size == 4 && settings.data.strategy == .zero3 && settings.data.shard == 2)
        #expect(settings.data.prefetch == 3 && !settings.data.reshard && settings.data.shardCount == 2)
        #expect(settings.tensor.size == 2 && settings.tensor.sequence)
        #expect(settings.pipeline.size == 2 && settings.pipeline.schedule == .interleaved)
        #expect(settings.pipeline.chunks == 3 && settings.pipeline.layers == [3, 2, 2, 2, 2, 1])
        #expect(settings.context.size == 2 && settings.context.strategy == .ulysses && settings.expert.size == 2)
        var again: [InputProblem] = []
        #expect(ParallelSettings(settings.resolved, problems: &again) == settings && again.isEmpty)
        #expect(try RecipeFile.parse(RecipeFile.text(settings.resolved), name: "test") == settings.resolved)
        #expect(ParallelSettings(ParallelSettings().resolved, problems: &again) == ParallelSettings() && again.isEmpty)
    }

    @Test("everything that is wrong is told at once, with the nearest name")
    func wrong() throws {
        let (_, problems) = try read(
            """
            parallel:
              data: {size: 6, strategy: zero4, shards: 2}
              tensr: 2
              tensor: {size: two}
              pipeline: {size: 0, schedule: 1f1c}
              context: [2]
              expert: {size: -1}
            """)
        #expect(
            Set(problems) == [
                "parallel.tensr: unknown key; did you mean 'tensor'?",
                "parallel.data.strategy: found 'zero4', expected data | zero1 | zero2 | zero3; did you mean 'zero1'?",
                "parallel.data.shards: unknown key; did you mean 'shard'?",
                "parallel.tensor.size: found \"two\", expected a whole number",
                "parallel.pipeline.size: found 0, expected 1 or more",
                "parallel.pipeline.schedule: found '1f1c', expected gpipe | 1f1b | interleaved | zb-h1 | zb-v; "
                    + "did you mean '1f1b'?",
                "parallel.context: found [2], expected a number of ranks, or keys as in {size: 2}",
                "parallel.expert.size: found -1, expected 1 or more",
            ])
    }

    @Test(
        "values that contradict each other are refused",
        arguments: [
            ("data: {size: 6, strategy: zero1, shard: 4}", "parallel.data.shard: found 4, expected a divisor of the 6 data ranks"),
            (
                "data: {size: 4, shard: 2}",
                "parallel.data.shard: found 2, but strategy data cuts nothing\n"
                    + "    fix: parallel.data.strategy=zero1, or leave shard out"
            ),
            (
                "pipeline: {size: 2, chunks: 2}",
                "parallel.pipeline.chunks: found 2 with schedule 1f1b, expected 1; several chunks are schedule: interleaved"
            ),
            (
                "pipeline: {size: 2, schedule: interleaved, chunks: 1}",
                "parallel.pipeline.chunks: found 1 with schedule interleaved, expected 2 or more; "
                    + "one chunk is schedule: 1f1b"
            ),
            (
                "pipeline: {size: 2, schedule: zb-v, chunks: 3}",
                "parallel.pipeline.chunks: found 3 with schedule zb-v, expected 2"
            ),
            (
                "pipeline: {size: 2, layers: [4, 3, 1]}",
                "parallel.pipeline.layers: found 3 numbers for 2 stages (2 ranks x 1 chunks)"
            ),
            (
                "pipeline: {size: 2, layers: [4, 0]}",
                "parallel.pipeline.layers: found 0, expected 1 or more for each stage"
            ),
            ("data: {size: 2, strategy: zero3, prefetch: -1}", "parallel.data.prefetch: found -1, expected 0 or more"),
        ])
    func contradictions(section: String, problem: String) throws {
        #expect(try read("parallel: {\(section)}").1 == [problem])
    }

    @Test(
        "the short form reads what it writes",
        arguments: [
            "data=2:zero3,tensor=2:sequence,pipeline=2:1f1b,context=2:ring", "data=1", "data=8:zero1:shard=4",
            "data=4:zero3:prefetch=2", "pipeline=4:interleaved:chunks=3", "pipeline=2:zb-v", "data=4:zero3:shard=2:reshard=false",
            "pipeline=2:1f1b:layers=8+7", "context=4:ulysses,expert=2", "tensor=3",
        ])
    func meshForm(text: String) throws {
        let settings = try ParallelSettings(mesh: text)
        #expect(settings.mesh == text)
        var problems: [InputProblem] = []
        #expect(ParallelSettings(settings.resolved, problems: &problems) == settings && problems.isEmpty)
    }

    @Test("the short form is read as the recipe would be")
    func meshMeaning() throws {
        let settings = try ParallelSettings(mesh: "data=4:zero2:shard=2,tensor=2:sequence,pipeline=2:zb-v:layers=2+2+2+1")
        let (same, problems) = try read(
            """
            parallel:
              data: {size: 4, strategy: zero2, shard: 2}
              tensor: {size: 2, sequence: true}
              pipeline: {size: 2, schedule: zb-v, layers: [2, 2, 2, 1]}
            """)
        #expect(problems.isEmpty && settings == same)
        #expect(try ParallelSettings(mesh: "tensor=2:sequence=false,data=1").mesh == "tensor=2")
    }

    @Test("what is wrong with the short form is told at once")
    func wrongMesh() {
        #expect {
            try ParallelSettings(mesh: "data=2:zero9,tensr=2,tensor=2:sequense,pipeline,pipeline=2:layers=1+x,data=3")
        } throws: { error in
            let text = "\(error)"
            return [
                "--mesh: found 'pipeline', expected AXIS=RANKS with options after colons",
                "--mesh: the axis 'data' stands twice", "--mesh.tensr: unknown key; did you mean 'tensor'?",
                "--mesh.tensor.sequense: unknown key; did you mean 'sequence'?",
                "--mesh.pipeline.layers[1]: found \"x\", expected a whole number",
            ].allSatisfy(text.contains)
        }
        #expect { try ParallelSettings(mesh: "data=2:zero9") } throws: {
            "\($0)" == "--mesh.data.strategy: found 'zero9', expected data | zero1 | zero2 | zero3; did you mean 'zero1'?"
        }
    }

    @Test("layers are cut as evenly as they can be, unless the recipe says how")
    func layerCounts() throws {
        func counts(_ mesh: String, _ layers: Int) throws -> [Int] {
            try ParallelSettings(mesh: mesh).pipeline.layerCounts(of: layers)
        }
        #expect(try counts("pipeline=4:1f1b", 30) == [8, 8, 7, 7])
        #expect(try counts("pipeline=4:1f1b", 31) == [8, 8, 8, 7])
        #expect(try counts("pipeline=2:1f1b", 5) == [3, 2])
        #expect(try counts("pipeline=2:interleaved", 9) == [3, 2, 2, 2])
        #expect(try counts("pipeline=2:1f1b:layers=1+7", 8) == [1, 7])
        #expect(try counts("data=1", 8) == [8])
    }

    // MARK: against a model

    /// 9 query heads of which each 3 share a key, 30 layers.
    private let work = ParallelSettings.Work(
        DecoderConfiguration(
            vocabularySize: 49152, width: 576, mlpWidth: 1536, headCount: 9, keyValueHeadCount: 3, headSize: 64,
            positionCount: 2048, positions: .learned, layers: Array(repeating: .init(), count: 30)),
        batchSize: 16, microBatchSize: 2, sequenceLength: 2048)

    private func problems(_ mesh: String, _ change: (inout ParallelSettings.Work) -> Void = { _ in }) throws -> [String] {
        var work = work
        change(&work)
        return try ParallelSettings(mesh: mesh).problems(for: work).map(\.description)
    }

    @Test(
        "what suits the model is accepted",
        arguments: [
            "data=16:zero3", "tensor=3", "pipeline=30:gpipe", "pipeline=4:interleaved", "context=8:ring",
            "context=3:ring", "context=3:ulysses",
        ])
    func accepted(mesh: String) throws {
        #expect(try problems(mesh) == [])
    }

    @Test("key/value heads may be fewer than ranks that share them evenly")
    func sharedKeyHeads() throws {
        #expect(try problems("tensor=8") { $0.configuration.headCount = 16; $0.configuration.keyValueHeadCount = 2 } == [])
        #expect(
            try problems("tensor=4") { $0.configuration.headCount = 12; $0.configuration.keyValueHeadCount = 3 }.first
                == "parallel.tensor.size: 3 key/value heads can neither be divided by 4 ranks nor be shared by them evenly\n"
                + "    fix: a size out of 1, 3, 6, 12")
    }

    @Test("what does not suit the model is refused with the numbers")
    func refused() throws {
        #expect(
            try problems("tensor=2") == [
                "parallel.tensor.size: 9 attention heads cannot be divided by 2 ranks\n    fix: a size out of 1, 3",
                "parallel.tensor.size: 3 key/value heads can neither be divided by 2 ranks nor be shared by them evenly\n"
                    + "    fix: a size out of 1, 3",
            ])
        #expect(
            try problems("tensor=3") { $0.configuration.mlpWidth = 1535 }
                == [
                    "parallel.tensor.size: 1535 feed-forward features cannot be divided by 3 ranks\n    fix: a size out of 1"
                ])
        #expect(
            try problems("pipeline=16:zb-v") == [
                "parallel.pipeline.size: 32 stages (16 ranks x 2 chunks) for the 30 layers of the model\n"
                    + "    fix: 30 stages at most"
            ])
        #expect(
            try problems("pipeline=2:1f1b:layers=20+11")
                == ["parallel.pipeline.layers: 20 + 11 = 31, the model has 30 layers"])
        #expect(
            try problems("data=2,pipeline=3:interleaved") == [
                "parallel.pipeline.schedule: interleaved wants a multiple of 3 micro-batches, found 4 "
                    + "(16 samples over 2 ranks, 2 at a time)\n"
                    + "    fix: another batch.size or batch.micro, or schedule: 1f1b"
            ])
        #expect(
            try problems("context=2:ulysses") == [
                "parallel.context.strategy: ulysses cannot divide 9 attention heads by 2 ranks\n    fix: strategy: ring"
            ])
        #expect(
            try problems("expert=2") == ["parallel.expert.size: found 2, the model has no experts\n    fix: expert: 1"])
        #expect(
            try problems("expert=3") { $0.expertCount = 8 }
                == ["parallel.expert.size: 8 experts cannot be divided by 3 ranks"])
        #expect(try problems("expert=4") { $0.expertCount = 8 } == [])
    }

    @Test("ranks with fewer samples have empty micro-batches, so all have as many")
    func microBatches() throws {
        func count(_ mesh: String, batch: Int, micro: Int) throws -> Int {
            var work = work
            (work.batchSize, work.microBatchSize) = (batch, micro)
            return try ParallelSettings(mesh: mesh).microBatchCount(of: work)
        }
        #expect(try count("data=2", batch: 16, micro: 2) == 4)
        #expect(try count("data=3", batch: 16, micro: 2) == 3)
        #expect(try count("data=2,expert=2", batch: 16, micro: 4) == 1)
        #expect(try count("tensor=8", batch: 16, micro: 4) == 4)
    }
}
