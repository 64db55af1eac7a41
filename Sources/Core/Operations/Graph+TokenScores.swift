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
    /// Scores positions chunk by chunk: logits [N, V] never exist whole, forward or backward.
    ///
    /// - Parameters:
    ///   - hidden: [N, C], the last layer's output at the scored positions.
    ///   - head: [V, C], the output embedding.
    ///   - targets: [N] int32, the token whose log-probability is wanted; negative = none.
    ///   - temperature: logits are divided by it.
    ///   - softcap: logits become cap * tanh(logits / cap) first.
    public func score(
        _ hidden: Tensor, head: Parameter, targets: Tensor, temperature: Double = 1, softcap: Double? = nil
    ) -> HeadScores {
        let runtime = runtime
        let count = hidden.shape[0]
        let vocabulary = head.shape[0]
        let kept: DType = hidden.dtype == .bfloat16 ? .float32 : hidden.dtype
        let outputs = (0..<4).map { _ in runtime.empty([count], kept) }
        let saved = hidden.detached
        // A chunk's logits stay near the second-level cache's size instead of N x V.
        let chunk = max(16, min(256, (1 << 22) / max(vocabulary, 1)))
        let ranges = stride(from: 0, to: count, by: chunk).map { $0..<min($0 + chunk, count) }

        func logits(_ range: Range<Int>) -> (Tensor, TokenScoring) {
            let logits = runtime.empty([range.count, vocabulary], kept)
            let rows = saved.view.sliced(dim: 0, range)
            runtime.run(
                .matmul(
                    Matmul(rows, head.compute.view.transposed(0, 1), into: logits.view, alpha: 1 / temperature)))
            let parts = outputs.map { $0.view.sliced(dim: 0, range) }
            let scoring = TokenScoring(
                logits: logits.view, targets: targets.view.sliced(dim: 0, range), softcap: softcap,
                logProb: parts[0], logSumExp: parts[1], meanLogProb: parts[2], entropy: parts[3])
            return (logits, scoring)
        }

        for range in ranges { runtime.run(.tokenScores(logits(range).1)) }

        /// Calls `body` with each chunk's gradient of the plain logits.
        func eachLogitGradient(_ gradients: [Tensor?], _ body: (Range<Int>, Tensor) -> Void) {
            for range in ranges {
                let (dlogits, scoring) = logits(range)
                let parts = gradients.map { $0?.view.sliced(dim: 0, range) }
                runtime.run(
                    .tokenScoresBackward(
                        TokenScoringBackward(
                            forward: scoring, dLogProb: parts[0], dLogSumExp: parts[1], dMeanLogProb: parts[2],
                            dEntropy: parts[3])))
                body(range, dlogits.cast(to: saved.dtype))
            }
        }

        let dhidden = hidden.slot == nil ? nil : runtime.empty(hidden.shape, hidden.dtype)
        // One walk over the chunks serves both gradients, so the logits are recomputed once: it is made by whichever is
        // asked for first, also when weight gradients are deferred.
        var isDone = false
        func walkOnce(_ gradients: [Tensor?]) {
            if isDone { return }
            isDone = true
            eachLogitGradient(gradients) { range, dlogits in
                let rows = saved.view.sliced(dim: 0, range)
                if let dhead = head.gradient {
                    runtime.run(
                        .matmul(
                            Matmul(
                                dlogits.view.transposed(0, 1), rows, into: dhead.view, alpha: 1 / temperature,
                                beta: 1)))
                }
                if let dhidden {
                    runtime.run(
                        .matmul(
                            Matmul(
                                dlogits.view, head.compute.view, into: dhidden.view.sliced(dim: 0, range),
                                alpha: 1 / temperature)))
                }
            }
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
