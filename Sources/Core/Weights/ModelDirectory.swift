public import Foundation

/// A Hugging Face model directory: `config.json` and safetensors, in one file or in shards with an index.
public final class ModelDirectory {
    /// Where the directory lies.
    public let path: String
    /// The bytes of `config.json`.
    public let config: Data
    /// Names of all stored tensors, sorted.
    public let tensorNames: [String]
    private let files: [String: SafeTensorsFile]
    let tiesEmbeddings: Bool?

    /// Opens a directory; checks the config's form, the index and every header.
    /// - Throws: `WeightsError` with all problems, or `FileError`.
    public init(_ path: String) throws {
        self.path = path
        let attempt = "opening the model directory '\(path)'"
        let configPath = path + "/config.json"
        guard AtomicDirectory.exists(configPath) else {
            throw WeightsError(
                attempt, ["found no config.json, expected a directory in Hugging Face's form"],
                hint: "name the directory that holds config.json and *.safetensors")
        }
        config = try Self.contents(configPath)
        do {
            tiesEmbeddings = try JSONDecoder().decode(Tying.self, from: config).tie_word_embeddings
        } catch { throw WeightsError(attempt, ["config.json is not a JSON object: \(error)"]) }
        let indexPath = path + "/model.safetensors.index.json"
        if AtomicDirectory.exists(indexPath) {
            files = try Self.openShards(path, index: Self.contents(indexPath), attempt)
        } else if AtomicDirectory.exists(path + "/model.safetensors") {
            let file = try SafeTensorsFile(path + "/model.safetensors")
            files = Dictionary(uniqueKeysWithValues: file.tensorNames.map { ($0, file) })
        } else {
            let isPickled = AtomicDirectory.exists(path + "/pytorch_model.bin")
                || AtomicDirectory.exists(path + "/pytorch_model.bin.index.json")
            throw WeightsError(
                attempt,
                ["found neither model.safetensors nor model.safetensors.index.json"
                    + (isPickled ? ", only pickled weights (pytorch_model.bin)" : "")],
                hint: isPickled
                    ? "save it again in Python with model.save_pretrained(directory, safe_serialization=True)"
                    : "fetch the model's *.safetensors files into the directory")
        }
        tensorNames = files.keys.sorted()
    }

    /// The config, decoded.
    /// - Throws: `DecodingError`.
    public func decodeConfig<Config: Decodable>(_ type: Config.Type) throws -> Config {
        try JSONDecoder().decode(type, from: config)
    }

    /// Whether `read` finds a tensor under this name.
    public func contains(_ name: String) -> Bool { storedName(name) != nil }

    /// The shape of a tensor.
    /// - Throws: `WeightsError` when there is none.
    public func shape(of name: String) throws -> [Int] { try find(name) { try $0.shape(of: $1) } }

    /// The stored element type of a tensor.
    /// - Throws: `WeightsError` when there is none.
    public func dtype(of name: String) throws -> StoredType { try find(name) { try $0.dtype(of: $1) } }

    /// Reads a tensor, or the box of it that starts at `offset`, into an existing one with a cast.
    /// - Throws: `WeightsError`, see `SafeTensorsFile.read`.
    public func read(_ name: String, into target: Tensor, offset: [Int]? = nil) throws {
        try find(name) { try $0.read($1, into: target, offset: offset) }
    }

    /// A tensor that uses the file's bytes in place; nil when that is impossible, see `SafeTensorsFile.mapped`.
    /// - Throws: `WeightsError` when there is none.
    public func mapped(_ name: String, _ runtime: Runtime, dtype: DType? = nil) throws -> Tensor? {
        try find(name) { try $0.mapped($1, runtime, dtype: dtype) }
    }

    /// The name under which the file stores what a model calls `name`.
    ///
    /// Directories saved from the bare transformer lack the prefix that those of the whole model have, and a tied
    /// output head is the input embedding.
    func storedName(_ name: String) -> String? {
        if files[name] != nil { return name }
        for prefix in ["transformer.", "model."] {
            if files[prefix + name] != nil { return prefix + name }
            let bare = String(name.dropFirst(prefix.count))
            if name.hasPrefix(prefix), files[bare] != nil { return bare }
        }
        if name == "lm_head.weight", tiesEmbeddings != false {
            return ["model.embed_tokens.weight", "transformer.wte.weight", "embed_tokens.weight", "wte.weight"]
                .first { files[$0] != nil }
        }
        return nil
    }

    private func find<Value>(_ name: String, _ body: (SafeTensorsFile, String) throws -> Value) throws -> Value {
        if let stored = storedName(name), let file = files[stored] { return try body(file, stored) }
        throw WeightsError("reading the model directory '\(path)'", ["found no tensor '\(name)' among \(files.count)"])
    }

    private static func openShards(_ path: String, index: Data, _ attempt: String) throws -> [String: SafeTensorsFile] {
        let map: [String: String]
        do {
            map = try JSONDecoder().decode(Index.self, from: index).weight_map
        } catch { throw WeightsError(attempt, ["model.safetensors.index.json has no readable weight_map: \(error)"]) }
        var problems: [String] = []
        var shards: [String: SafeTensorsFile] = [:]
        for name in Set(map.values).sorted() {
            if name.contains("/") {
                problems.append("the index names '\(name)', expected a file in the directory itself")
            } else if AtomicDirectory.exists(path + "/" + name) {
                do { shards[name] = try SafeTensorsFile(path + "/" + name) } catch { problems.append("\(error)") }
            } else {
                problems.append("found no shard '\(name)', which the index names")
            }
        }
        var files: [String: SafeTensorsFile] = [:]
        for (tensor, name) in map.sorted(by: { $0.key < $1.key }) {
            guard let shard = shards[name] else { continue }
            if shard.contains(tensor) {
                files[tensor] = shard
            } else {
                problems.append("found no tensor '\(tensor)' in '\(name)', where the index expects it")
            }
        }
        guard problems.isEmpty else {
            throw WeightsError(attempt, problems, hint: "fetch the missing or damaged files again")
        }
        return files
    }

    static func contents(_ path: String) throws -> Data {
        let mapping = try FileMapping(path)
        return Data(mapping.bytes)
    }

    private struct Tying: Decodable {
        let tie_word_embeddings: Bool?
    }

    private struct Index: Decodable {
        let weight_map: [String: String]
    }
}
