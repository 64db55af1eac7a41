import JSON
import PluginAPI

/// Model shapes that benchmarks know by name; anything else is the path of a config.json.
enum NamedModel: String, CaseIterable {
    case smolLM2 = "smollm2-135m"
    case small = "20m"
    case medium = "360m"
    case large = "1b"

    /// The config of a named shape, or the path for what has no name.
    /// - Throws: `InputError` for a name that is neither known nor a file.
    static func config(_ name: String) throws -> JSONValue {
        if let known = NamedModel(rawValue: name) { return known.config }
        guard name.contains("/") || name.hasSuffix(".json") else {
            throw InputError(
                "--config", "found '\(name)', expected a config.json or one of "
                    + allCases.map(\.rawValue).joined(separator: ", "))
        }
        return .string(name)
    }

    private var config: JSONValue {
        // Vocabulary, width, feed-forward width, layers, heads, key/value heads.
        let (vocabulary, width, mlp, layers, heads, keyValueHeads) = switch self {
        case .smolLM2: (49152, 576, 1536, 30, 9, 3)
        case .small: (16384, 384, 1024, 8, 6, 6)
        case .medium: (49152, 960, 2560, 32, 15, 5)
        case .large: (49152, 2048, 5632, 20, 32, 4)
        }
        return .object([
            .init("model_type", .string("llama")), .init("vocab_size", .integer(vocabulary)),
            .init("hidden_size", .integer(width)), .init("intermediate_size", .integer(mlp)),
            .init("num_hidden_layers", .integer(layers)), .init("num_attention_heads", .integer(heads)),
            .init("num_key_value_heads", .integer(keyValueHeads)), .init("tie_word_embeddings", .bool(true)),
            .init("max_position_embeddings", .integer(8192)), .init("rms_norm_eps", .double(1e-5)),
        ])
    }
}
