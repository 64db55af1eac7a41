import Core
import Host
import JSON
import PluginAPI
import Testing

/// How `parallel:` and `--mesh` are read, written, and held against a model.
@Suite struct RunLayoutTests {
    private static let registry = Result {
        try RegistryBuilder(TestPlugins.catalog(BuiltinPlugins.all)).build()
    }

    private func read(_ yaml: String) throws -> RunLayout {
        try RunLayout(try RecipeFile.parse(yaml, name: "test")["parallel"] ?? .null, Self.registry.get())
    }

    private func layout(_ mesh: String) throws -> RunLayout { try RunLayout(mesh: mesh, Self.registry.get()) }

    private func refusals(_ body: () throws -> RunLayout) -> [String] {
        do {
            _ = try body()
            return []
        } catch let error as InputError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `a bare number is a size with the strategy of the axis, and what is absent is one rank`() throws {
        let layout = try read("parallel: {data: 4, tensor: 2, pipeline: 3, context: 5}")
        #expect(layout.shape.rankCount == 120)
        #expect(layout.mesh == "data=4,tensor=2,pipeline=3,context=5:ring")
        for text in ["parallel: {}", "parallel:", "name: x", "parallel: {data: null}"] {
            #expect(try read(text).shape.rankCount == 1 && read(text).mesh == "data=1")
        }
    }

    @Test func `every key is read, and the sections read back as the same layout`() throws {
        let layout = try read(
            """
            parallel:
              pipeline: {size: 2, schedule: interleaved, chunks: 3, layers: [3, 2, 2, 2, 2, 1]}
              data: {size: 4, strategy: zero3, shard: 2, prefetch: 3, reshard: false}
              tensor: {size: 2, sequence: true}
              context: {size: 2, strategy: ulysses}
            """)
        #expect(
            layout.mesh == "data=4:zero3:prefetch=3:reshard=false:shard=2,tensor=2:sequence,"
                + "pipeline=2:interleaved:chunks=3:layers=3+2+2+2+2+1,context=2:ulysses")
        for section in [layout.resolved, layout.short] {
            let again = try RunLayout(section, Self.registry.get())
            #expect(again.mesh == layout.mesh && again.resolved == layout.resolved)
        }
        #expect(
            try read("parallel: {data: {size: 2, prefetch: 1, strategy: zero3}}").short
                == JSONValue(parsing: #"{"data": {"size": 2, "strategy": "zero3"}}"#))
        #expect(try read("parallel: {pipeline: {size: 1, schedule: zb-v}}").resolved["pipeline"]?["schedule"] == .string("zb-v"))
    }

    @Test func `everything that is wrong is told at once, with the nearest name`() {
        let found = refusals {
            try read(
                """
                parallel:
                  data: {size: 6, strategy: zero4}
                  tensr: 2
                  tensor: {size: two}
                  pipeline: {size: 0, schedule: 1f1b}
                  context: [2]
                """)
        }
        #expect(found.count == 5)
        for text in [
            "parallel.data.strategy: no parallelism named 'zero4'. did you mean 'zero1'?",
            "parallel.tensr: unknown key; did you mean 'tensor'?",
            "parallel.tensor.size: found \"two\", expected 1 or more ranks",
            "parallel.pipeline.size: found 0, expected 1 or more ranks",
            "parallel.context: found [2], expected a number of ranks, or keys as in {size: 2}",
        ] { #expect(found.contains { $0.hasPrefix(text) }, "\(text)\n\(found)") }
    }

    @Test(arguments: [
        ("3", "parallel: found 3, expected axes such as {data: 2, tensor: {size: 2}}"),
        ("{data: {strategy: zero1}}", "parallel.data.size: is missing, expected 1 or more ranks"),
        ("{data: {size: 1, strategy: zeor1}}", "parallel.data.strategy: no parallelism named 'zeor1'. did you mean 'zero1'?"),
        ("{data: {size: 2, strategy: 3}}", "parallel.data.strategy: found 3, expected a strategy's name"),
        ("{data: {size: 2, shard: 2}}", "parallel.data.shard: unknown key"),
        ("{data: {size: 2, strategy: zero3, shards: 2}}", "parallel.data.shards: unknown key; did you mean 'shard'?"),
        (
            "{context: {size: 2, strategy: zero1}}",
            "parallel.context.strategy: 'zero1' divides the data axis\n    fix: parallel.data.strategy=zero1"
        ),
        ("{pipeline: {size: 2, schedule: 1f1c}}", "parallel.pipeline.schedule: found \"1f1c\""),
        ("{tensor: {size: 2, sequence: 3}}", "parallel.tensor.sequence: found 3, expected true or false"),
    ])
    func `a section that makes no sense is refused`(section: String, problem: String) {
        let found = refusals { try read("parallel: \(section)") }
        #expect(found.count == 1 && found[0].hasPrefix(problem), "\(found)")
    }

    @Test(arguments: [
        "data=2:zero3,tensor=2:sequence,pipeline=2,context=2:ring", "data=1", "data=8:zero1:shard=4",
        "data=4:zero3:prefetch=2", "pipeline=4:interleaved:chunks=3", "pipeline=2:zb-v", "data=4:zero3:reshard=false",
        "pipeline=2:layers=8+7", "data=2,context=4:ulysses", "tensor=3",
    ])
    func `the short form reads what it writes`(text: String) throws {
        #expect(try layout(text).mesh == text)
        #expect(try RunLayout(layout(text).resolved, Self.registry.get()).mesh == text)
    }

    @Test func `the short form is read as the recipe would be`() throws {
        let same = try read(
            """
            parallel:
              data: {size: 4, strategy: zero2, shard: 2}
              tensor: {size: 2, sequence: true}
              pipeline: {size: 2, schedule: zb-v, layers: [2, 2, 2, 1]}
            """)
        #expect(
            try layout("data=4:zero2:shard=2,tensor=2:sequence,pipeline=2:zb-v:layers=2+2+2+1").resolved == same.resolved)
        #expect(try layout("tensor=2:sequence=false,data=1,pipeline=2:1f1b").mesh == "tensor=2,pipeline=2")
        #expect(try layout("data=2:strategy=zero1").mesh == "data=2:zero1")
    }

    @Test func `what is wrong with the short form is told at once`() {
        let text = refusals { try layout("data=2:zero9,tensr=2,tensor=2:sequense,pipeline,pipeline=2:layers=1+x,data=3") }
            .joined(separator: "\n")
        for problem in [
            "--mesh: found 'pipeline', expected AXIS=RANKS with options after colons",
            "--mesh: the axis 'data' stands twice", "--mesh.tensr: unknown key; did you mean 'tensor'?",
            "--mesh.data.strategy: no parallelism named 'zero9'. did you mean 'zero1'?",
            "--mesh.tensor.sequense: unknown key; did you mean 'sequence'?",
            "--mesh.pipeline.layers[1]: found \"x\", expected a whole number",
        ] { #expect(text.contains(problem), "\(problem)\n\(text)") }
    }

    // MARK: against a model

    /// 9 query heads of which each 3 share a key, 30 layers.
    private let model = DecoderConfiguration(
        vocabularySize: 49152, width: 576, mlpWidth: 1536, headCount: 9, keyValueHeadCount: 3, headSize: 64,
        positionCount: 2048, positions: .learned, layers: Array(repeating: .init(), count: 30))

    private func problems(_ mesh: String, _ change: (inout DecoderConfiguration) -> Void = { _ in }) throws -> [String] {
        var model = model
        change(&model)
        let layout = try layout(mesh)
        let run = DividedRun(
            configuration: model, mesh: layout.shape, microBatchSize: 2, batchSize: 16, sequenceLength: 2048)
        return layout.problems(run).map(\.description)
    }

    @Test(arguments: [
        "data=16:zero3", "data=5", "tensor=3", "pipeline=30:gpipe", "pipeline=4:interleaved", "data=2,pipeline=3:interleaved",
        "context=8:ring", "context=3:ring", "context=3:ulysses",
    ])
    func `what suits the model is accepted`(mesh: String) throws { #expect(try problems(mesh) == []) }

    @Test func `key and value heads may be fewer than ranks that share them evenly`() throws {
        #expect(try problems("tensor=8") { ($0.headCount, $0.keyValueHeadCount) = (16, 2) } == [])
        #expect(
            try problems("tensor=4") { ($0.headCount, $0.keyValueHeadCount) = (12, 3) }
                == ["parallel.tensor: 4 ranks cannot divide 3 key/value heads evenly\n    fix: parallel.tensor=1 | 3"])
    }

    @Test(arguments: [
        (
            "tensor=2",
            "parallel.tensor: 2 ranks cannot divide 9 heads, 3 key/value heads evenly\n    fix: parallel.tensor=1"
        ),
        (
            "pipeline=16:zb-v",
            "parallel.pipeline.size: 32 stages (16 ranks x 2 chunks) for the 30 layers of the model\n"
                + "    fix: parallel.pipeline.size=15"
        ),
        (
            "pipeline=2:layers=20+11",
            "parallel.pipeline.layers: found [20, 11] (31 layers in 2 stages), expected 30 layers in 2 stages of at least one\n"
                + "    fix: parallel.pipeline.layers=[15, 15]"
        ),
        (
            "pipeline=2:chunks=2",
            "parallel.pipeline.chunks: is 2, and 1f1b has 1\n    fix: parallel.pipeline.schedule=interleaved"
        ),
        (
            "context=2:ulysses",
            "parallel.context: 2 ranks cannot divide the 9 heads evenly, as ulysses does\n"
                + "    fix: parallel.context.strategy=ring, or parallel.context.size=1"
        ),
        (
            "data=6:zero1:shard=4",
            "parallel.data.shard: found 4, expected a number that divides the 6 data ranks\n"
                + "    fix: parallel.data.shard=1 | 2 | 3 | 6"
        ),
        ("data=2:zero3:prefetch=-1", "parallel.data.prefetch: found -1, expected 0 or more blocks"),
    ])
    func `what does not suit the model is refused with the numbers`(mesh: String, problem: String) throws {
        #expect(try problems(mesh) == [problem])
    }

    @Test func `ranks with fewer samples have empty micro-batches, so all have as many`() throws {
        func count(_ mesh: String, batch: Int, micro: Int) throws -> Int {
            try DividedRun(
                configuration: model, mesh: layout(mesh).shape, microBatchSize: micro, batchSize: batch, sequenceLength: 8
            ).microBatchCount
        }
        #expect(try count("data=2", batch: 16, micro: 2) == 4)
        #expect(try count("data=3", batch: 16, micro: 2) == 3)
        #expect(try count("tensor=8", batch: 16, micro: 4) == 4)
    }
}
