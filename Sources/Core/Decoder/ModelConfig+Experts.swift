extension ModelConfig.Reader {
    /// Puts in the experts that `num_experts_per_tok`, `output_router_logits` and `router_aux_loss_coef` describe, with
    /// a notice on what of them has no effect.
    ///
    /// As in transformers, the balancing loss is a part of the training loss only where `output_router_logits` is true.
    /// - Parameters:
    ///   - count: how many a layer has.
    ///   - perToken: the family's default.
    public func experts(
        count: Int, perToken: Int, width: Int, normalizesWeights: Bool, in configuration: inout DecoderConfiguration
    ) {
        let chosen = integer("num_experts_per_tok", default: min(perToken, count))
        if chosen > count {
            problem("'num_experts_per_tok' is \(chosen), expected 1 to \(count), the experts that a layer has")
        }
        let coefficient = number("router_aux_loss_coef", default: 0.001)
        let isBalanced = flag("output_router_logits", default: false)
        if has("router_aux_loss_coef"), coefficient != 0, !isBalanced {
            configuration.notices.append(
                "'router_aux_loss_coef' of config.json has no effect while 'output_router_logits' is false; "
                    + "a recipe can set objective.router_balance")
        }
        configuration.experts = .init(
            count: count, perToken: chosen, width: width, normalizesWeights: normalizesWeights,
            balanceCoefficient: isBalanced ? coefficient : 0)
    }
}
