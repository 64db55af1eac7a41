public import Core

/// Qwen 2 and 2.5: llama with biases on queries, keys and values (Yang et al. 2024, arXiv 2407.10671).
public enum Qwen2Family: Sendable {
    public static let modelTypes = ["qwen2"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder()
            configuration.queryKeyValueHasBias = true
            // The window is off unless asked for, and then only in the later layers.
            let window = values.flag("use_sliding_window", default: false)
                ? values.integer("sliding_window", default: 4096) : nil
            let first = values.integer("max_window_layers", default: 28, minimum: 0)
            let windows = values.windows(layerCount: configuration.layers.count, size: window) { $0 >= first }
            configuration.layers = windows.map { .init(window: $0) }
            return configuration
        }
    }
}
