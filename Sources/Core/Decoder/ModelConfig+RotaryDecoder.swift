internal import JSON

extension ModelConfig.Reader {
    /// What the llama-like families have in common; a family sets the rest.
    /// - Parameters:
    ///   - headSize: the family's default; nil = width / heads.
    ///   - theta: the family's default rotary base.
    ///   - isTied: whether the family's head is its embedding unless the file says otherwise.
    public func rotaryDecoder(
        headSize: Int? = nil, theta: Double = 10_000, isTied: Bool = false
    ) -> DecoderConfiguration {
        let width = integer("hidden_size")
        let headCount = integer("num_attention_heads")
        let keyValueHeadCount = integer("num_key_value_heads", default: headCount)
        if headCount % keyValueHeadCount != 0 {
            problem("\(headCount) attention heads cannot share \(keyValueHeadCount) key/value heads evenly")
        }
        if !has("head_dim"), headSize == nil, width % headCount != 0 {
            problem("hidden_size \(width) is not a multiple of num_attention_heads \(headCount)")
        }
        let size = integer("head_dim", default: headSize ?? max(width / headCount, 1))
        var configuration = DecoderConfiguration(
            vocabularySize: integer("vocab_size"), width: width, mlpWidth: integer("intermediate_size"),
            headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: size,
            positionCount: integer("max_position_embeddings"),
            positions: .rotary(rope(headSize: size, theta: theta)),
            layers: [DecoderConfiguration.Layer](repeating: .init(), count: integer("num_hidden_layers")))
        configuration.normEpsilon = number("rms_norm_eps", default: 1e-6)
        configuration.activation = activation("hidden_act", default: .silu)
        configuration.isTied = flag("tie_word_embeddings", default: isTied)
        configuration.initializerRange = number("initializer_range", default: 0.02)
        notice(dropout: ["attention_dropout"], in: &configuration)
        return configuration
    }

    /// The sliding windows of layers: `layer_types` where the file has it, else what `isSliding` says of a layer.
    public func windows(layerCount: Int, size: Int?, isSliding: (Int) -> Bool) -> [Int?] {
        guard let types = list("layer_types") else { return (0..<layerCount).map { isSliding($0) ? size : nil } }
        if types.count != layerCount { problem("'layer_types' has \(types.count) entries for \(layerCount) layers") }
        return (0..<layerCount).map { layer in
            switch layer < types.count ? types[layer] : .string("full_attention") {
            case .string("full_attention"): return nil
            case .string("sliding_attention"): return size
            case let other:
                problem("'layer_types' has \(other.text), supported are full_attention, sliding_attention")
                return nil
            }
        }
    }

    /// Adds a notice for each dropout rate that the file sets, since training here is without dropout.
    public func notice(dropout keys: [String], in configuration: inout DecoderConfiguration) {
        for key in keys where number(key, default: 0) != 0 {
            configuration.notices.append("'\(key)' of config.json is not applied: models are trained without dropout")
        }
    }
}
