import Core
import Foundation
import Testing

@Suite struct ModelDirectoryTests {
    let directory: TemporaryDirectory
    let runtime = Runtime(ReferenceBackend())

    init() throws { directory = try TemporaryDirectory() }

    private func save(
        _ name: String, _ shapes: [(String, [Int])], config: String = "{}", shardBytes: Int = 1 << 30
    ) throws -> String {
        let tensors = shapes.enumerated().map { (name: $1.0, tensor: runtime.full($1.1, .float32, Double($0))) }
        try ModelDirectory.save(
            to: directory(name), config: Data(config.utf8), tensors, dtype: .float32, maximumShardBytes: shardBytes)
        return directory(name)
    }

    @Test func `a saved directory opens with its config, its shards and the files copied along`() throws {
        try Data("[1]".utf8).write(to: URL(filePath: directory("tokenizer.json")))
        let path = directory("new/model")
        let config = Data("{\"model_type\": \"llama\", \"rms_norm_eps\": 1e-05}\n".utf8)
        let a = runtime.tensor([1, 2, 3, 4], [2, 2], .float32)
        let b = runtime.tensor([1.00390625, -2], [2], .float32)
        try ModelDirectory.save(
            to: path, config: config, [(name: "a", tensor: a), (name: "b", tensor: b)], dtype: .bfloat16,
            copying: [directory("tokenizer.json")], maximumShardBytes: 8)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
            "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
            "model.safetensors.index.json", "tokenizer.json",
        ])
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory("new")) == ["model"])
        let model = try ModelDirectory(path)
        #expect(model.config == config)
        #expect(model.tensorNames == ["a", "b"])
        #expect(try model.dtype(of: "a") == StoredType(.bfloat16))
        let read = runtime.empty([2], .float32)
        try model.read("b", into: read)
        #expect(read.doubles() == [1, -2])
        let row = runtime.empty([1, 2], .float32)
        try model.read("a", into: row, offset: [1, 0])
        #expect(row.doubles() == [3, 4])
    }

    @Test func `an existing directory is replaced only when told`() throws {
        let path = try save("model", [("a", [1])])
        #expect(message { try save("model", [("b", [1])]) } == """
            saving a model to '\(path)': it exists already; choose another directory or remove it with `rm -r '\(path)'`
            """)
        #expect(try ModelDirectory(path).tensorNames == ["a"])
        try ModelDirectory.save(
            to: path, config: Data("{}".utf8), [(name: "c", tensor: runtime.zeros([1], .float32))], dtype: .float32,
            replacing: true)
        #expect(try ModelDirectory(path).tensorNames == ["c"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model"])
    }

    @Test func `mapped tensors keep their values when the directory is replaced or read`() throws {
        let path = try save("model", [("a", [3]), ("b", [5000])])
        let old = try ModelDirectory(path)
        let mapped = try #require(try old.mapped("b", runtime, dtype: .float32))
        try ModelDirectory.save(
            to: path, config: Data("{}".utf8), [(name: "b", tensor: runtime.full([5000], .float32, 9))],
            dtype: .float32, replacing: true)
        #expect(mapped.doubles() == [Double](repeating: 1, count: 5000))
        // Reading gives the file's pages back; what is mapped gets them again.
        let target = runtime.zeros([5000], .float32)
        try old.read("b", into: target)
        #expect(target.doubles() == mapped.doubles() && mapped.doubles()[4999] == 1)
        #expect(try ModelDirectory(path).mapped("b", runtime)?.doubles()[4999] == 9)
    }

    @Test func `a save that fails midway leaves what was there`() throws {
        struct Stop: Error {}
        let path = try save("model", [("a", [1])])
        #expect(throws: Stop.self) {
            try ModelDirectory.save(
                to: path, config: Data("{}".utf8), [TensorSpec("b", [1], .float32)], replacing: true
            ) { _ in throw Stop() }
        }
        #expect(try ModelDirectory(path).tensorNames == ["a"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model"])
    }

    @Test func `all differences from what a model needs are told at once`() throws {
        let path = try save("model", [("a", [2]), ("b", [3]), ("extra", [1]), ("lm_head.weight", [1])],
            config: #"{"tie_word_embeddings": false}"#)
        let model = try ModelDirectory(path)
        #expect(message { try model.check([("a", [2, 1]), ("b", [3]), ("c", [4]), ("d", [])]) } == """
            loading the weights of '\(path)':
              - wrong shape: 'a' is [2], expected [2, 1]
              - missing: 'c' [4]
              - missing: 'd' []
              - unexpected: 'extra' [1]
              - unexpected: 'lm_head.weight' [1]
            config.json must describe the model that the tensors belong to
            """)
    }

    @Test func `buffers, tied heads and prefixes are no differences`() throws {
        let gpt2 = try ModelDirectory(save("gpt2", [
            ("wte.weight", [5, 2]), ("h.0.attn.bias", [1, 1, 4, 4]), ("h.0.attn.masked_bias", []),
            ("h.0.attn.c_attn.bias", [6]),
        ]))
        try gpt2.check([("transformer.wte.weight", [5, 2]), ("transformer.h.0.attn.c_attn.bias", [6])])
        try gpt2.check([("wte.weight", [5, 2]), ("h.0.attn.c_attn.bias", [6]), ("lm_head.weight", [5, 2])])
        #expect(!message { try gpt2.check([("wte.weight", [5, 2])]) }.contains("'h.0.attn.bias'"))
        #expect(message { try gpt2.check([("wte.weight", [5, 2])]) }.contains("unexpected: 'h.0.attn.c_attn.bias' [6]"))
        let head = runtime.empty([5, 2], .float32)
        try gpt2.read("lm_head.weight", into: head)
        let llama = try ModelDirectory(save("llama", [
            ("model.embed_tokens.weight", [5, 2]), ("lm_head.weight", [5, 2]),
            ("model.layers.0.self_attn.rotary_emb.inv_freq", [4]),
        ], config: #"{"tie_word_embeddings": true}"#))
        try llama.check([("model.embed_tokens.weight", [5, 2])])
        let untied = try ModelDirectory(
            save("untied", [("model.embed_tokens.weight", [5, 2])], config: #"{"tie_word_embeddings": false}"#))
        #expect(message { try untied.check([("lm_head.weight", [5, 2])]) }.contains("missing: 'lm_head.weight' [5, 2]"))
    }

    @Test func `missing files are told together, with what to do`() throws {
        let path = try save("model", [("a", [4]), ("b", [4]), ("c", [4])], shardBytes: 16)
        try FileManager.default.removeItem(atPath: path + "/model-00001-of-00003.safetensors")
        let file = path + "/model-00003-of-00003.safetensors"
        let whole = try Data(contentsOf: URL(filePath: file))
        try whole.dropLast(1).write(to: URL(filePath: file))
        #expect(message { try ModelDirectory(path) } == """
            opening the model directory '\(path)':
              - found no shard 'model-00001-of-00003.safetensors', which the index names
              - reading '\(file)': tensor 'c' ends at byte 16 of the values, expected at most 15, the bytes found; \
            the file is cut short or not a safetensors file: fetch or write it again
            fetch the missing or damaged files again
            """)
        let empty = directory("empty")
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        #expect(message { try ModelDirectory(empty) }.contains("found no config.json"))
        try Data("{}".utf8).write(to: URL(filePath: empty + "/config.json"))
        try Data().write(to: URL(filePath: empty + "/pytorch_model.bin"))
        #expect(message { try ModelDirectory(empty) }.contains("only pickled weights (pytorch_model.bin)"))
    }

    @Test(.enabled(if: WeightsData.isPresent, "no shared data beside the checkout"))
    func `a real directory survives a round trip through shards byte by byte`() throws {
        for source in ["ckpt-stories260K/derived_hf", "ckpt-verl-tiny-llama/model"] {
            let model = try ModelDirectory(WeightsData.directory + "/" + source)
            let tensors = try model.tensorNames.map { name in
                (name: name, tensor: try #require(try model.mapped(name, runtime)))
            }
            let path = directory((source as NSString).pathComponents[0])
            try ModelDirectory.save(
                to: path, config: model.config, tensors, dtype: tensors[0].tensor.dtype, maximumShardBytes: 300_000)
            let copy = try ModelDirectory(path)
            try copy.check(tensors.map { ($0.name, $0.tensor.shape) })
            #expect(copy.config == model.config)
            for (name, tensor) in tensors {
                let read = runtime.empty(tensor.shape, tensor.dtype)
                try copy.read(name, into: read)
                #expect(read.doubles() == tensor.doubles(), "\(name)")
            }
        }
    }
}
