public import Core

/// SmolLM 3: llama whose every fourth layer has no rotary positions (NoPE: Yang et al. 2025, arXiv 2501.18795).
public enum SmolLM3Family: Sendable {
    public static let modelTypes = ["smollm3"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder(theta: 2_000_000, isTied: true)
            configuration.queryKeyValueHasBias = values.flag("attention_bias", default: false)
            configuration.outputHasBias = configuration.queryKeyValueHasBias
            configuration.mlpHasBias = values.flag("mlp_bias", default: false)
            let rotates = rotatingLayers(values, count: configuration.layers.count)
            let window = values.flag("use_sliding_window", default: false) && values.has("sliding_window")
                ? values.integer("sliding_window") : nil
            let windows = values.windows(layerCount: rotates.count, size: window) { !rotates[$0] }
            configuration.layers = zip(windows, rotates).map { .init(window: $0, rotates: $1) }
            return configuration
        }
    }

    /// `no_rope_layers` holds, against its name, 1 for each layer that rotates and 0 for each that does not.
    private static func rotatingLayers(_ values: ModelConfig.Reader, count: Int) -> [Bool] {
        let interval = values.integer("no_rope_layer_interval", default: 4)
        guard let flags = values.integers("no_rope_layers") else {
            return (0..<count).map { ($0 + 1) % interval != 0 }
        }
        if flags.count != count { values.problem("'no_rope_layers' has \(flags.count) entries for \(count) layers") }
        return (0..<count).map { $0 >= flags.count || flags[$0] != 0 }
    }
}
