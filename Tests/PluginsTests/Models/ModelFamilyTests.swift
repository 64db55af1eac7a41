import Core
import Foundation
import Testing

@Suite struct ModelFamilyTests {
    private static let small = """
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
        "vocab_size": 100, "max_position_embeddings": 256
        """

    private func configuration(_ type: String, _ more: String = "") throws -> DecoderConfiguration {
        try ModelFamilies.decoder(from: "{\"model_type\": \"\(type)\", \(Self.small)\(more)}")
    }

    @Test("missing keys take each family's defaults")
    func defaults() throws {
        #expect(try configuration("llama").isTied == false)
        #expect(try configuration("smollm3").isTied == true)
        #expect(try configuration("qwen3").headSize == 128)
        #expect(try configuration("qwen2").headSize == 16)
        #expect(try configuration("qwen2").queryKeyValueHasBias && !configuration("qwen2").outputHasBias)
        #expect(try configuration("mistral").layers.allSatisfy { $0.window == 4096 })
        #expect(try configuration("mistral", ", \"sliding_window\": null").layers.allSatisfy { $0.window == nil })
        #expect(try configuration("smollm3").layers.map(\.rotates) == [true, true, true, false])
        #expect(try configuration("llama").positions == .rotary(Rope(theta: 10_000, dimCount: 16)))
        #expect(try configuration("smollm3").positions == .rotary(Rope(theta: 2_000_000, dimCount: 16)))
        let gpt2 = try ModelFamilies.decoder(from: #"{"model_type": "gpt2"}"#)
        let sizes: [Int] = [gpt2.width, gpt2.layers.count, gpt2.headSize, gpt2.mlpWidth]
        #expect(sizes == [768, 12, 64, 3072] as [Int])
        #expect(gpt2.isTied)
    }

    @Test("windows are where the family has them")
    func windows() throws {
        let on = #", "use_sliding_window": true, "sliding_window": 8, "max_window_layers": 2"#
        #expect(try configuration("qwen2", on).layers.map(\.window) == [nil, nil, 8, 8])
        #expect(try configuration("qwen3", on).layers.map(\.window) == [nil, nil, 8, 8])
        #expect(try configuration("qwen2", #", "sliding_window": 8"#).layers.map(\.window) == [nil, nil, nil, nil])
        #expect(try configuration("smollm3", on).layers.map(\.window) == [nil, nil, nil, 8])
        let types = """
            , "use_sliding_window": true, "sliding_window": 8,
            "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]
            """
        #expect(try configuration("qwen3", types).layers.map(\.window) == [nil, 8, nil, nil])
    }

    @Test("SmolLM2-135M has the parameters that it is known to have")
    func parameterCount() throws {
        let configuration = try ModelFamilies.decoder(from: """
            {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
             "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "rope_theta": 100000,
             "max_position_embeddings": 8192, "tie_word_embeddings": true, "rms_norm_eps": 1e-05}
            """)
        #expect(DecoderModel.specs(configuration).reduce(0) { $0 + $1.elementCount } == 134_515_008)
    }

    @Test("mixtures of experts have the parameters that they are known to have, and a token meets its share of them")
    func expertParameterCounts() throws {
        let mixtral = try ModelFamilies.decoder(from: """
            {"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
             "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "num_local_experts": 8,
             "num_experts_per_tok": 2, "max_position_embeddings": 32768, "rope_theta": 1000000.0}
            """)
        #expect(DecoderModel.specs(mixtral).reduce(0) { $0 + $1.elementCount } == 46_702_792_704)
        #expect(46_702_792_704 - mixtral.idleParameterCount == 12_879_925_248)
        let qwen = try ModelFamilies.decoder(from: """
            {"model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 48,
             "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936,
             "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "norm_topk_prob": true,
             "max_position_embeddings": 40960}
            """)
        #expect(DecoderModel.specs(qwen).reduce(0) { $0 + $1.elementCount } == 30_532_122_624)
        #expect(30_532_122_624 - qwen.idleParameterCount == 3_353_032_704)
    }

    @Test("experts are where the family has them")
    func experts() throws {
        let mixtral = try configuration("mixtral", #", "router_aux_loss_coef": 0.02, "output_router_logits": true"#)
        #expect(mixtral.experts == .init(
            count: 8, perToken: 2, width: 128, normalizesWeights: true, balanceCoefficient: 0.02))
        #expect(mixtral.expertLayerCount == 4 && mixtral.normEpsilon == 1e-5 && mixtral.notices == [])
        let silent = try configuration("mixtral", #", "router_aux_loss_coef": 0.02, "router_jitter_noise": 0.1"#)
        #expect(silent.experts?.balanceCoefficient == 0)
        #expect(silent.notices == [
            "'router_aux_loss_coef' of config.json has no effect while 'output_router_logits' is false; "
                + "a recipe can set objective.router_balance",
            "'router_jitter_noise' of config.json is not applied",
        ])
        let more = #", "decoder_sparse_step": 2, "mlp_only_layers": [3], "num_experts": 16"#
        let qwen = try configuration("qwen3_moe", more)
        #expect(qwen.experts == .init(count: 16, perToken: 8, width: 768, normalizesWeights: false))
        #expect(qwen.layers.map(\.hasExperts) == [false, true, false, false])
        #expect(qwen.normalizesQueriesAndKeys && qwen.headSize == 16)
        let dense = try configuration("qwen3_moe", #", "num_experts": 0"#)
        #expect(dense.experts == nil && dense.idleParameterCount == 0)
        #expect {
            try configuration(
                "mixtral", #", "num_local_experts": 2, "num_experts_per_tok": 3, "output_router_logits": 1"#)
        } throws: { "\($0)" == """
            cannot use config.json:
              - 'num_experts_per_tok' is 3, expected 1 to 2, the experts that a layer has
              - 'output_router_logits' is 1, expected true or false
            """ }
    }

    /// Frequencies of transformers 5.23, which holds them in float32.
    @Test("rotary frequencies are those of transformers", arguments: [
        (
            #"{"rope_type": "linear", "factor": 4.0}"#,
            [0.25, 0.079056940973, 0.025000000373, 0.007905694656, 0.002499999944, 0.000790569466, 0.000250000012], 1.0
        ),
        (
            #"{"type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,"#
                + #""original_max_position_embeddings": 64}"#,
            [1.0, 0.244384586811, 0.013042256236, 0.003952847328, 0.001249999972, 0.000395284733, 0.000125000006], 1.0
        ),
        (
            #"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}"#,
            [1.0, 0.237170815468, 0.04999999702, 0.007905694656, 0.002499999944, 0.000790569466, 0.000250000012],
            1.138629436111989
        ),
        (
            #"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 16,"#
                + #""beta_slow": 2, "mscale": 1.0, "mscale_all_dim": 0.8, "truncate": false}"#,
            [1.0, 0.148490250111, 0.025000000373, 0.007905694656, 0.002499999944, 0.000790569466, 0.000250000012],
            1.0249579607969668
        ),
    ])
    func frequencies(scaling: String, expected: [Double], amplitude: Double) throws {
        let configuration = try configuration("llama", ", \"rope_scaling\": \(scaling)")
        guard case .rotary(let rope) = configuration.positions else {
            Issue.record("llama is rotary")
            return
        }
        for (ours, theirs) in zip(rope.frequencies, expected) { #expect(abs(ours / theirs - 1) < 2e-7) }
        let (cosine, _) = rope.tables(count: 2, .float64, Runtime(ReferenceBackend()))
        #expect(abs(cosine.doubles()[0] - amplitude) < 1e-12)
        #expect(abs(cosine.doubles()[8] - amplitude * cos(rope.frequencies[0])) < 1e-12)
    }

    @Test("all problems of a config are reported at once")
    func problems() {
        let config = """
            {"model_type": "llama", "hidden_size": "64", "intermediate_size": 12.5, "num_hidden_layers": 0,
             "num_attention_heads": 4, "num_key_value_heads": 3, "max_position_embeddings": 256,
             "hidden_act": "mish", "attention_bias": 1, "rope_scaling": {"rope_type": "dynamic"}}
            """
        #expect {
            try ModelFamilies.decoder(from: config)
        } throws: { error in
            let text = "\(error)"
            return text == """
                cannot use config.json:
                  - 'hidden_size' is "64", expected a whole number
                  - 4 attention heads cannot share 3 key/value heads evenly
                  - hidden_size 1 is not a multiple of num_attention_heads 4
                  - 'vocab_size' is missing, expected a whole number >= 1
                  - 'intermediate_size' is 12.5, expected a whole number >= 1
                  - a head rotates 1 dims, expected an even number
                  - 'num_hidden_layers' is 0, expected a whole number >= 1
                  - 'hidden_act' is "mish", supported are gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish
                  - 'attention_bias' is 1, expected true or false
                  - rope type is "dynamic", supported are default, linear, llama3, yarn
                """
        }
    }

    @Test("settings that have no effect leave a notice")
    func notices() throws {
        #expect(try configuration("llama", #", "attention_dropout": 0.1"#).notices == [
            "'attention_dropout' of config.json is not applied: models are trained without dropout"
        ])
        #expect(try configuration("llama", #", "attention_dropout": 0.0"#).notices == [])
    }
}
