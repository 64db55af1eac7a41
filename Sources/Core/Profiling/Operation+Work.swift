// M N K matrix dims, B batch, T queries, S keys, H heads, D head size

extension Operation {
    /// The views that the operation reads and writes; one that is updated in place stands on both sides.
    public var operands: (inputs: [BufferView], outputs: [BufferView]) {
        switch self {
        case .fill(let view, _), .random(_, _, let view): ([], [view])
        case .copy(let source, let destination): ([source], [destination])
        case .map(_, let inputs, let outputs, _): (inputs, outputs)
        case .sum(let source, let destination, let accumulate):
            (accumulate ? [source, destination] : [source], [destination])
        case .matmul(let product):
            (product.beta == 0 ? [product.a, product.b] : [product.a, product.b, product.c], [product.c])
        case .gather(let table, let indices, let output): ([table, indices], [output])
        case .scatterAdd(let source, let indices, let table): ([source, indices, table], [table])
        case .scatter(let source, let indices, let table): ([source, indices], [table])
        case .round(let source, let target, _, _): ([source], [target])
        case .storedMap(let map): (map.inputs.flatMap(\.views), map.outputs.flatMap(\.views))
        case .quantizedMatmul(let product):
            ([product.a] + product.weights.views + (product.accumulates ? [product.c] : []), [product.c])
        case .groupRows(let grouping): ([grouping.choices], [grouping.places, grouping.tokens, grouping.groups])
        case .groupedMatmul(let product): ([product.a, product.groups] + product.b, [product.c])
        case .groupedOuterProduct(let product):
            ([product.a, product.b, product.groups] + product.c.compactMap { $0 }, product.c.compactMap { $0 })
        case .rmsNorm(let norm), .layerNorm(let norm):
            ([norm.x, norm.weight] + [norm.bias].compactMap { $0 }, [norm.y, norm.inverse] + [norm.mean].compactMap { $0 })
        case .rmsNormBackward(let norm), .layerNormBackward(let norm): norm.operands
        case .swiglu(let unit): ([unit.gate, unit.up], [unit.y])
        case .swigluBackward(let backward):
            ([backward.gate, backward.up, backward.dy], [backward.dgate, backward.dup])
        case .rotary(let rotary): ([rotary.x, rotary.cosine, rotary.sine, rotary.positions], [rotary.y])
        case .attention(let attention): (attention.inputs, [attention.out, attention.logSumExp])
        case .attentionBackward(let backward):
            (
                backward.forward.inputs + [backward.forward.out, backward.forward.logSumExp, backward.dout],
                [backward.dq, backward.dk, backward.dv]
            )
        case .cachedAttention(let attention):
            (
                [
                    attention.q, attention.keys, attention.values, attention.positions, attention.sequences,
                    attention.blocks,
                ], [attention.out]
            )
        case .drawTokens(let draw): ([draw.logits], [draw.ids, draw.logProbs])
        case .tokenScores(let scoring):
            (
                [scoring.block.logits, scoring.block.targets] + [scoring.sums].compactMap { $0 },
                [scoring.sums, scoring.weights?.values, scoring.weights?.tops].compactMap { $0 }
            )
        case .tokenScoresBackward(let backward):
            (
                [backward.block.logits, backward.block.targets, backward.logSumExp]
                    + [
                        backward.entropy, backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb,
                        backward.dEntropy, backward.tops,
                    ].compactMap { $0 },
                [backward.dlogits]
            )
        }
    }

    /// Bytes that have to move when every operand is read or written once: what a bandwidth is counted in.
    public var byteCount: Int {
        switch self {
        // Of a table only the named rows move.
        case .gather(_, let indices, let output): indices.distinctByteCount + 2 * output.distinctByteCount
        case .scatter(let source, let indices, _): 2 * source.distinctByteCount + indices.distinctByteCount
        // How much of the cache is read, its tables say when it runs.
        case .cachedAttention(let attention): attention.q.distinctByteCount + attention.out.distinctByteCount
        case .scatterAdd(let source, let indices, let table):
            source.distinctByteCount + indices.distinctByteCount + 2 * source.elementCount * table.dtype.byteCount
        default: (operands.inputs + operands.outputs).reduce(0) { $0 + $1.distinctByteCount }
        }
    }

    /// Multiplications and additions of products and attention; 0 for all else, which is bound by memory.
    ///
    /// A product counts 2 M N K, attention 4 D for each pair of a query and a key that it may see (causal, within the
    /// window; boundaries of documents are not looked at), its backward 8 D: recomputation is not counted.
    public var flopCount: Int {
        switch self {
        case .matmul(let product): 2 * product.c.elementCount * (product.a.shape.last ?? 0)
        case .quantizedMatmul(let product): 2 * product.a.elementCount * (product.c.shape.last ?? 0)
        case .groupedMatmul(let product): 2 * product.a.elementCount * product.c.shape[1]
        case .groupedOuterProduct(let product): 2 * product.a.elementCount * product.b.shape[1]
        case .attention(let attention): 4 * attention.visiblePairCount * attention.q.shape[3]
        case .attentionBackward(let backward): 8 * backward.forward.visiblePairCount * backward.forward.q.shape[3]
        default: 0
        }
    }
}

extension StoredArray {
    /// The numbers, or the codes and their scales.
    fileprivate var views: [BufferView] {
        switch self {
        case .numbers(let view), .rounded(let view, _, _): [view]
        case .blocks(let blocks): [blocks.codes, blocks.scales]
        }
    }
}

extension QuantizedMatrix {
    /// Codes and scales.
    fileprivate var views: [BufferView] {
        switch scales {
        case .rows(let scales): [codes, scales]
        case .blocks(let blocks, _): [codes, blocks.codes, blocks.scales]
        }
    }
}

extension NormBackward {
    fileprivate var operands: (inputs: [BufferView], outputs: [BufferView]) {
        let weights = [dweight, dbias].compactMap { $0 }
        return (
            [x, weight, inverse, dy] + [mean, addend].compactMap { $0 } + weights, [dx].compactMap { $0 } + weights
        )
    }
}

extension Attention {
    fileprivate var inputs: [BufferView] { [q, k, v] + [queryStart, documentStart].compactMap { $0 } }

    /// Pairs of a query and a key that it may see, over all heads and sequences.
    fileprivate var visiblePairCount: Int {
        let (queries, keys) = (q.shape[1], k.shape[1])
        let perHead = (0..<queries).reduce(0) { $0 + min(keys - queries + $1 + 1, window ?? .max) }
        return q.shape[0] * q.shape[2] * perHead
    }
}

extension BufferView {
    /// Bytes of the elements, repeated ones counted once.
    fileprivate var distinctByteCount: Int {
        zip(shape, strides).reduce(dtype.byteCount) { $0 * ($1.1 == 0 && $1.0 > 0 ? 1 : $1.0) }
    }
}
