public import Core

/// Qwen 3, dense: llama with RMS norms on each head's queries and keys (Yang et al. 2025, arXiv 2505.09388).
public enum Qwen3Family: Sendable {
    public static let modelTypes = ["qwen3"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder(headSize: 128)
            configuration.normalizesQueriesAndKeys = true
            configuration.queryKeyValueHasBias = values.flag("attention_bias", default: false)
            configuration.outputHasBias = configuration.queryKeyValueHasBias
            let window = values.flag("use_sliding_window", default: false)
                ? values.integer("sliding_window", default: 4096) : nil
            let first = values.integer("max_window_layers", default: 28, minimum: 0)
            let windows = values.windows(layerCount: configuration.layers.count, size: window) { $0 >= first }
            configuration.layers = windows.map { .init(window: $0) }
            return configuration
        }
    }
}
