public import Core

/// Llama and models of the same form (Touvron et al. 2023, arXiv 2302.13971; Llama 3: arXiv 2407.21783).
public enum LlamaFamily: Sendable {
    public static let modelTypes = ["llama"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder()
            configuration.queryKeyValueHasBias = values.flag("attention_bias", default: false)
            configuration.outputHasBias = configuration.queryKeyValueHasBias
            configuration.mlpHasBias = values.flag("mlp_bias", default: false)
            return configuration
        }
    }
}
