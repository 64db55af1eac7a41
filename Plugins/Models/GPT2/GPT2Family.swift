public import Core

/// GPT-2 (Radford et al. 2019): learned positions, layer norms, fused projections stored [in, out].
public enum GPT2Family: Sendable {
    public static let modelTypes = ["gpt2"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            let width = values.integer("n_embd", default: 768)
            let heads = values.integer("n_head", default: 12)
            if width % heads != 0 { values.problem("n_embd \(width) is not a multiple of n_head \(heads)") }
            if values.flag("add_cross_attention", default: false) {
                values.problem("'add_cross_attention' is true, supported is a decoder without an encoder")
            }
            var configuration = DecoderConfiguration(
                vocabularySize: values.integer("vocab_size", default: 50257), width: width,
                mlpWidth: values.integer("n_inner", default: 4 * width), headCount: heads, keyValueHeadCount: heads,
                headSize: max(width / heads, 1), positionCount: values.integer("n_positions", default: 1024),
                positions: .learned, layers: .init(repeating: .init(), count: values.integer("n_layer", default: 12)))
            configuration.norm = .layer
            configuration.normEpsilon = values.number("layer_norm_epsilon", default: 1e-5)
            configuration.activation = values.activation("activation_function", default: .geluTanh)
            configuration.isGated = false
            configuration.mlpHasBias = true
            configuration.queryKeyValueHasBias = true
            configuration.outputHasBias = true
            configuration.fusesQueryKeyValue = true
            configuration.storesTransposed = true
            configuration.isTied = values.flag("tie_word_embeddings", default: true)
            configuration.scalesScores = values.flag("scale_attn_weights", default: true)
            configuration.scalesScoresByLayer = values.flag("scale_attn_by_inverse_layer_idx", default: false)
            configuration.initializerRange = values.number("initializer_range", default: 0.02)
            configuration.scalesResidualInitializer = true
            configuration.names = .gpt2
            values.notice(dropout: ["resid_pdrop", "embd_pdrop", "attn_pdrop"], in: &configuration)
            return configuration
        }
    }
}
