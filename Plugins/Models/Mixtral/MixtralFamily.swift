public import Core

/// Mixtral: mistral whose feed-forward layers are mixtures of experts (Jiang et al. 2024, arXiv 2401.04088).
public enum MixtralFamily: Sendable {
    public static let modelTypes = ["mixtral"]

    public static func decoder(from config: ModelConfig) throws -> DecoderConfiguration {
        try config.read { values in
            var configuration = values.rotaryDecoder(theta: 1_000_000)
            configuration.normEpsilon = values.number("rms_norm_eps", default: 1e-5)
            values.experts(
                count: values.integer("num_local_experts", default: values.integer("num_experts", default: 8)),
                perToken: 2, width: configuration.mlpWidth, normalizesWeights: true, in: &configuration)
            if values.number("router_jitter_noise", default: 0) != 0 {
                configuration.notices.append("'router_jitter_noise' of config.json is not applied")
            }
            let window = values.has("sliding_window") ? values.integer("sliding_window") : nil
            let windows = values.windows(layerCount: configuration.layers.count, size: window) { _ in true }
            configuration.layers = windows.map { .init(window: $0, hasExperts: true) }
            configuration.names.router = "block_sparse_moe.gate"
            configuration.names.experts = "block_sparse_moe.experts"
            (configuration.names.expertGate, configuration.names.expertUp) = ("w1", "w3")
            configuration.names.expertDown = "w2"
            return configuration
        }
    }
}
