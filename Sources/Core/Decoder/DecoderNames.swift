/// The names under which a family's Hugging Face directories store its parameters, without ".weight" and ".bias".
public struct DecoderNames: Sendable, Hashable {
    /// What some directories leave out: the name of the model without its head.
    public var prefix: String
    public var embedding: String
    /// The table of learned positions.
    public var positions: String
    /// What stands before a layer's number.
    public var layers: String
    public var attentionNorm: String
    public var query = "self_attn.q_proj"
    public var key = "self_attn.k_proj"
    public var value = "self_attn.v_proj"
    public var queryKeyValue: String
    public var output: String
    public var queryNorm = "self_attn.q_norm"
    public var keyNorm = "self_attn.k_norm"
    public var mlpNorm: String
    public var gate = "mlp.gate_proj"
    public var up: String
    public var down: String
    /// What chooses experts.
    public var router = "mlp.gate"
    /// What stands before an expert's number.
    public var experts = "mlp.experts"
    public var expertGate = "gate_proj"
    public var expertUp = "up_proj"
    public var expertDown = "down_proj"
    public var finalNorm: String
    public var head = "lm_head"

    public static let llama = DecoderNames(
        prefix: "model.", embedding: "model.embed_tokens", positions: "model.embed_positions", layers: "model.layers",
        attentionNorm: "input_layernorm", queryKeyValue: "self_attn.qkv_proj", output: "self_attn.o_proj",
        mlpNorm: "post_attention_layernorm", up: "mlp.up_proj", down: "mlp.down_proj", finalNorm: "model.norm")

    public static let gpt2 = DecoderNames(
        prefix: "transformer.", embedding: "transformer.wte", positions: "transformer.wpe", layers: "transformer.h",
        attentionNorm: "ln_1", queryKeyValue: "attn.c_attn", output: "attn.c_proj", mlpNorm: "ln_2", up: "mlp.c_fc",
        down: "mlp.c_proj", finalNorm: "transformer.ln_f")

    /// The name of part `part` of expert `index` in its layer.
    public func expert(_ index: Int, _ part: String) -> String { "\(experts).\(index).\(part)" }

    /// The full name of part `part` of layer `index`.
    public func layer(_ index: Int, _ part: String) -> String { "\(layers).\(index).\(part)" }
}
