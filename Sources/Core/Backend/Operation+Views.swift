extension Operation {
    /// What the operation reads. What it adds to is among them; what it only overwrites is not.
    var reads: [BufferView] {
        switch self {
        case .fill, .random: []
        case .copy(let source, _): [source]
        case .map(_, let inputs, _, _): inputs
        case .sum(let source, let target, let accumulate): accumulate ? [source, target] : [source]
        case .matmul(let product): [product.a, product.b] + (product.beta == 0 ? [] : [product.c])
        case .gather(let table, let indices, _): [table, indices]
        case .scatterAdd(let source, let indices, let table): [source, indices, table]
        case .rmsNorm(let norm), .layerNorm(let norm): [norm.x, norm.weight] + [norm.bias].compactMap { $0 }
        case .rmsNormBackward(let norm), .layerNormBackward(let norm):
            [norm.x, norm.weight, norm.inverse, norm.dy] + [norm.mean, norm.dweight, norm.dbias].compactMap { $0 }
        case .rotary(let rotary): [rotary.x, rotary.cosine, rotary.sine, rotary.positions]
        case .attention(let attention): attention.inputs
        case .attentionBackward(let backward):
            backward.forward.inputs + [backward.forward.out, backward.forward.logSumExp, backward.dout]
        case .tokenScores(let scoring): [scoring.logits, scoring.targets]
        case .tokenScoresBackward(let backward):
            [backward.forward.logits, backward.forward.targets, backward.forward.logSumExp, backward.forward.entropy]
                + [backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb, backward.dEntropy].compactMap { $0 }
        }
    }

    /// What the operation writes, in whole or in part.
    var writes: [BufferView] {
        switch self {
        case .fill(let view, _), .random(_, _, let view): [view]
        case .copy(_, let target), .sum(_, let target, _): [target]
        case .map(_, _, let outputs, _): outputs
        case .matmul(let product): [product.c]
        case .gather(_, _, let output): [output]
        case .scatterAdd(_, _, let table): [table]
        case .rmsNorm(let norm), .layerNorm(let norm): [norm.y, norm.inverse] + [norm.mean].compactMap { $0 }
        case .rmsNormBackward(let norm), .layerNormBackward(let norm):
            [norm.dx, norm.dweight, norm.dbias].compactMap { $0 }
        case .rotary(let rotary): [rotary.y]
        case .attention(let attention): [attention.out, attention.logSumExp]
        case .attentionBackward(let backward): [backward.dq, backward.dk, backward.dv]
        case .tokenScores(let scoring):
            [scoring.logProb, scoring.logSumExp, scoring.meanLogProb, scoring.entropy]
        case .tokenScoresBackward(let backward): [backward.forward.logits]
        }
    }
}

extension Attention {
    fileprivate var inputs: [BufferView] { [q, k, v] + [queryStart, documentStart].compactMap { $0 } }
}
