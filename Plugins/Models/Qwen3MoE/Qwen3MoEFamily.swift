public import Core

/// Qwen 3 with mixtures of experts in all or some layers (Yang et al. 2025, arXiv 2505.09388).
public enum Qwen3MoEFamily: Sendable {
    public static let modelTypes = ["qwen3_moe"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder()
            configuration.normalizesQueriesAndKeys = true
            configuration.queryKeyValueHasBias = values.flag("attention_bias", default: false)
            configuration.outputHasBias = configuration.queryKeyValueHasBias
            let count = values.integer(
                "num_experts", default: values.integer("num_local_experts", default: 128), minimum: 0)
            if count > 0 {
                values.experts(
                    count: count, perToken: 8, width: values.integer("moe_intermediate_size", default: 768),
                    normalizesWeights: values.flag("norm_topk_prob", default: false), in: &configuration)
            }
            // A file may name a window and switch it off.
            let window = values.flag("use_sliding_window", default: false)
                ? values.integer("sliding_window", default: 4096) : nil
            let (step, dense) = (
                values.integer("decoder_sparse_step", default: 1), Set(values.integers("mlp_only_layers") ?? [])
            )
            configuration.layers = configuration.layers.indices.map {
                .init(window: window, hasExperts: count > 0 && ($0 + 1) % step == 0 && !dense.contains($0))
            }
            return configuration
        }
    }
}
