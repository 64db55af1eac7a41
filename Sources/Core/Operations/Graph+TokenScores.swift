// N scored positions, C width, V vocabulary

/// What the head says of each scored position, [N] each, float32 or wider. Gradients flow through all four.
public struct HeadScores {
    /// log p(target)
    public let logProb: Tensor
    /// log of the sum of the exponentials of the logits
    public let logSumExp: Tensor
    /// The mean of log p over the vocabulary, for label smoothing.
    public let meanLogProb: Tensor
    /// The entropy of p.
    public let entropy: Tensor
}

extension Graph {
    /// Bytes that `score` keeps for backward unless told otherwise, half of it where these are float32.
    public static let keptScoreBytes = 200 << 20

    /// Scores positions by blocks of the vocabulary: memory for logits [N, V] is bounded, forward and backward.
    ///
    /// 2 N V C FLOPs forward, up to 6 N V C backward: what did not stay is computed again, to the same bits. A
    /// position's scores depend on the other positions no more than the backend's products do.
    ///
    /// - Parameters:
    ///   - hidden: [N, C], what heads read (`DecoderModel.normalize`) at the scored positions.
    ///   - head: [V, C], the output embedding, or the rows of it that this rank holds.
    ///   - vocabulary: V; nil = the head's rows.
    ///   - exchange: how ranks that hold parts of the head put their sums together.
    ///   - targets: [N] int32, the token whose log-probability is wanted; negative = none.
    ///   - temperature: logits are divided by it.
    ///   - softcap: logits become cap * tanh(logits / cap) first.
    ///   - keptBytes: how much of the logits may stay in memory until backward, where there will be one.
    public func score(
        _ hidden: Tensor, head: Parameter, vocabulary: Int? = nil, targets: Tensor, temperature: Double = 1,
        softcap: Double? = nil, exchange: any LayerExchange = WholeLayers(), keptBytes: Int = Graph.keptScoreBytes
    ) -> HeadScores {
        let wantsHidden = hidden.slot != nil
        let pass = HeadPass(
            runtime, hidden: hidden.detached, head: head, vocabulary: vocabulary ?? head.shape[0], exchange: exchange,
            targets: targets.detached, temperature: temperature, softcap: softcap,
            keptBytes: isRecording && (wantsHidden || head.isTrained) ? keptBytes : 0)
        let outputs = pass.forward()
        // One walk over the blocks serves both gradients: it is made by whichever is asked for first, also when weight
        // gradients are deferred.
        var isDone = false
        var dhidden: Tensor?
        func walkOnce(_ gradients: [Tensor?]) {
            if isDone { return }
            isDone = true
            dhidden = pass.backward(gradients, logSumExp: outputs[1], entropy: outputs[3], wantsHidden: wantsHidden)
        }
        let results = record(
            inputs: [hidden], outputs: outputs, weightGradients: head.isTrained ? walkOnce : nil
        ) { gradients, _ in
            walkOnce(gradients)
            return [dhidden]
        }
        return HeadScores(
            logProb: results[0], logSumExp: results[1], meanLogProb: results[2], entropy: results[3])
    }
}
