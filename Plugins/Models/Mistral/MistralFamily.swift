public import Core

/// Mistral: llama with a sliding window in every layer (Jiang et al. 2023, arXiv 2310.06825).
public enum MistralFamily: Sendable {
    public static let modelTypes = ["mistral"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder()
            // A file without the key means the first release's window; null means none.
            let window = values.isNull("sliding_window") ? nil : values.integer("sliding_window", default: 4096)
            let windows = values.windows(layerCount: configuration.layers.count, size: window) { _ in true }
            configuration.layers = windows.map { .init(window: $0) }
            return configuration
        }
    }
}
