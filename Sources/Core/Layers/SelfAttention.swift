// B batch, T tokens, C width, H heads, K key/value heads, D head size

/// Causal self-attention: o(attention(q(x), k(x), v(x))), with rotary positions, norms of queries and keys, and a
/// window where the configuration has them.
public struct SelfAttention {
    /// Where queries, keys and values come from.
    public enum Projections {
        case separate(query: Linear, key: Linear, value: Linear)
        /// One product whose outputs are q, k and v side by side.
        case fused(Linear)
    }

    public let projections: Projections
    public let output: Linear
    /// Norms over each head's dims, before the rotation (Qwen 3).
    public let queryNorm: RMSNorm?
    public let keyNorm: RMSNorm?
    /// The projection whose outputs are q, k and v side by side: the fused one, or the separate ones joined.
    private let sideBySide: Linear?
    private let layer: Int
    private let headSize: Int
    /// H and K of the whole model; their ratio is also that of a rank's part.
    private let headCounts: (query: Int, keyValue: Int)
    private let scale: Double
    private let window: Int?
    private let rotates: Bool

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        let (names, block) = (configuration.names, DecoderConfiguration.blockName(layer))
        func projection(
            _ part: String, _ inputs: Int, _ outputs: Int, _ hasBias: Bool, _ placement: Placement
        ) -> [ParameterSpec] {
            Linear.specs(
                names.layer(layer, part), block: block, inputs: inputs, outputs: outputs, hasBias: hasBias,
                isTransposed: configuration.storesTransposed,
                initializer: configuration.initializer(residual: placement == .rows), placement: placement)
        }
        let width = configuration.width
        let queries = configuration.headCount * configuration.headSize
        let keys = configuration.keyValueHeadCount * configuration.headSize
        let hasBias = configuration.queryKeyValueHasBias
        let inputs = configuration.fusesQueryKeyValue
            ? projection(names.queryKeyValue, width, queries + 2 * keys, hasBias, .columns)
            : projection(names.query, width, queries, hasBias, .columns)
                + projection(names.key, width, keys, hasBias, .columns)
                + projection(names.value, width, keys, hasBias, .columns)
        let norms = !configuration.normalizesQueriesAndKeys
            ? [] : [names.queryNorm, names.keyNorm].flatMap {
                RMSNorm.specs(names.layer(layer, $0), block: block, width: configuration.headSize)
            }
        return inputs + projection(names.output, queries, width, configuration.outputHasBias, .rows) + norms
    }

    init(_ configuration: DecoderConfiguration, layer: Int, from parameters: ParameterStore) {
        let names = configuration.names
        func projection(_ part: String) -> Linear {
            Linear(names.layer(layer, part), isTransposed: configuration.storesTransposed, from: parameters)
        }
        func norm(_ part: String) -> RMSNorm? {
            !configuration.normalizesQueriesAndKeys
                ? nil : RMSNorm(names.layer(layer, part), epsilon: configuration.normEpsilon, from: parameters)
        }
        projections = configuration.fusesQueryKeyValue
            ? .fused(projection(names.queryKeyValue))
            : .separate(
                query: projection(names.query), key: projection(names.key), value: projection(names.value))
        sideBySide =
            switch projections {
            case .separate(let query, let key, let value): Linear.joining([query, key, value])
            case .fused(let all): all
            }
        output = projection(names.output)
        (queryNorm, keyNorm) = (norm(names.queryNorm), norm(names.keyNorm))
        self.layer = layer
        headSize = configuration.headSize
        headCounts = (configuration.headCount, configuration.keyValueHeadCount)
        scale = configuration.attentionScale(layer: layer)
        window = configuration.layers[layer].window
        rotates = configuration.layers[layer].rotates
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        output(graph, mixed(graph, x, context))
    }

    /// residual += attention(x), in place, where nothing is recorded.
    func add(_ graph: Graph, _ x: Tensor, _ context: DecoderContext, to residual: Tensor) {
        output.add(graph, mixed(graph, x, context), to: residual)
    }

    /// What the output projection reads, [B, T, H * D].
    private func mixed(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        let all = sideBySide?(graph, x)
        let mixed: Tensor
        if let cache = context.cache {
            let (q, k, v) = rotated(graph, x, all, context)
            mixed = cache.attention(graph.runtime, q, k, v, layer: layer, scale: scale, window: window)
        } else {
            let mask = AttentionMask(window: window, documentStart: context.documentStart)
            if let all, queryNorm == nil {
                mixed = attention(graph, all, context, mask)
            } else {
                let (q, k, v) = rotated(graph, x, all, context)
                mixed = graph.attention(q, k, v, scale: scale, mask: mask)
            }
        }
        return mixed.reshaped(to: [x.shape[0], x.shape[1], mixed.shape[2] * headSize])
    }

    /// Attention over all [B, T, (H + 2 K) D], whose parts stay where they are and are rotated there.
    private func attention(_ graph: Graph, _ all: Tensor, _ context: DecoderContext, _ mask: AttentionMask) -> Tensor {
        let counts = counts(all)
        let heads = all.reshaped(to: [all.shape[0], all.shape[1], counts.reduce(0, +), headSize])
        let rotation = !rotates ? nil : context.rotation.map {
            Rotation(cosine: $0.cosine, sine: $0.sine, positions: context.positions)
        }
        return graph.attention(
            sideBySide: heads, keyValueHeads: counts[1], scale: scale, mask: mask, rotation: rotation)
    }

    /// How many heads of queries, keys and values [B, T, (H + 2 K) D] holds.
    private func counts(_ all: Tensor) -> [Int] {
        let part = all.shape[2] / (headCounts.query + 2 * headCounts.keyValue) / headSize
        return [part * headCounts.query, part * headCounts.keyValue, part * headCounts.keyValue]
    }

    /// Queries [B, T, H, D], keys and values [B, T, K, D], normalised and rotated.
    private func rotated(
        _ graph: Graph, _ x: Tensor, _ all: Tensor?, _ context: DecoderContext
    ) -> (Tensor, Tensor, Tensor) {
        var (q, k, v) = heads(graph, x, all)
        if let queryNorm, let keyNorm {
            q = queryNorm(graph, q)
            k = keyNorm(graph, k)
        }
        if rotates, let rotation = context.rotation {
            q = graph.rotary(q, cosine: rotation.cosine, sine: rotation.sine, positions: context.positions)
            k = graph.rotary(k, cosine: rotation.cosine, sine: rotation.sine, positions: context.positions)
        }
        return (q, k, v)
    }

    /// Queries [B, T, H, D], keys and values [B, T, K, D]; parts of `all` where the projections made one.
    private func heads(_ graph: Graph, _ x: Tensor, _ all: Tensor?) -> (Tensor, Tensor, Tensor) {
        func split(_ y: Tensor) -> Tensor {
            y.reshaped(to: [x.shape[0], x.shape[1], y.shape[2] / headSize, headSize])
        }
        if let all {
            let counts = counts(all)
            if !graph.isRecording { return parts(all, counts) }
            let parts = graph.split(all, into: counts.map { $0 * headSize }).map(split)
            return (parts[0], parts[1], parts[2])
        }
        guard case .separate(let query, let key, let value) = projections else {
            preconditionFailure("attention: a fused projection gives all heads")
        }
        return (split(query(graph, x)), split(key(graph, x)), split(value(graph, x)))
    }

    /// Views of heads that lie side by side, [B, T, sum of counts * D].
    private func parts(_ y: Tensor, _ counts: [Int]) -> (Tensor, Tensor, Tensor) {
        let all = y.view.reshaped(to: [y.shape[0], y.shape[1], counts.reduce(0, +), headSize])
        func part(_ range: Range<Int>) -> Tensor { Tensor(all.sliced(dim: 2, range), y.runtime) }
        let values = counts[0] + counts[1]
        return (part(0..<counts[0]), part(counts[0]..<values), part(values..<values + counts[2]))
    }
}
