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
    /// How many heads of queries, keys and values this rank has.
    private let headCounts: [Int]
    private let scale: Double
    private let window: Int?
    private let rotates: Bool

    static func specs(_ configuration: DecoderConfiguration, layer: Int) -> [ParameterSpec] {
        let (names, block) = (configuration.names, DecoderConfiguration.blockName(layer))
        func projection(
            _ part: String, _ inputs: Int, _ outputs: Int, _ hasBias: Bool, _ role: Placement.Role, _ sections: [Int] = [],
            sharesUnits: Bool = false
        ) -> [ParameterSpec] {
            Linear.specs(
                names.layer(layer, part), block: block, inputs: inputs, outputs: outputs, hasBias: hasBias,
                isTransposed: configuration.storesTransposed,
                initializer: configuration.initializer(residual: role == .rows), role: role,
                unit: configuration.headSize, sections: sections, sharesUnits: sharesUnits)
        }
        let width = configuration.width
        let queries = configuration.headCount * configuration.headSize
        let keys = configuration.keyValueHeadCount * configuration.headSize
        let hasBias = configuration.queryKeyValueHasBias
        let inputs = configuration.fusesQueryKeyValue
            ? projection(names.queryKeyValue, width, queries + 2 * keys, hasBias, .columns, [queries, keys, keys])
            : projection(names.query, width, queries, hasBias, .columns)
                + projection(names.key, width, keys, hasBias, .columns, sharesUnits: true)
                + projection(names.value, width, keys, hasBias, .columns, sharesUnits: true)
        let norms = !configuration.normalizesQueriesAndKeys
            ? [] : [names.queryNorm, names.keyNorm].flatMap {
                RMSNorm.specs(
                    names.layer(layer, $0), block: block, width: configuration.headSize, placement: Placement(.partial))
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
        headCounts = SelfAttention.headCounts(projections, configuration)
        scale = configuration.attentionScale(layer: layer)
        window = configuration.layers[layer].window
        rotates = configuration.layers[layer].rotates
    }

    /// x [B, T, C]; result [B, T, C].
    public func callAsFunction(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        context.exchange.project(output, graph, mixed(graph, context.exchange.enter(graph, x), context))
    }

    /// residual += attention(x), in place, where nothing is recorded.
    func add(_ graph: Graph, _ x: Tensor, _ context: DecoderContext, to residual: Tensor) {
        context.exchange.add(output, graph, mixed(graph, context.exchange.enter(graph, x), context), to: residual)
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
                mixed = graph.attention(q, k, v, scale: scale, mask: mask, exchange: context.attention)
            }
        }
        return mixed.reshaped(to: [x.shape[0], x.shape[1], mixed.shape[2] * headSize])
    }

    /// Attention over all [B, T, (H + 2 K) D], whose parts stay where they are and are rotated there.
    private func attention(_ graph: Graph, _ all: Tensor, _ context: DecoderContext, _ mask: AttentionMask) -> Tensor {
        let heads = all.reshaped(to: [all.shape[0], all.shape[1], headCounts.reduce(0, +), headSize])
        let rotation = !rotates ? nil : context.rotation.map {
            Rotation(cosine: $0.cosine, sine: $0.sine, positions: context.positions)
        }
        return graph.attention(
            sideBySide: heads, keyValueHeads: headCounts[1], scale: scale, mask: mask, rotation: rotation,
            exchange: context.attention)
    }

    /// A rank may hold some heads only, and one key/value head beside queries of a part of its group.
    private static func headCounts(_ projections: Projections, _ configuration: DecoderConfiguration) -> [Int] {
        switch projections {
        case .separate(let query, let key, let value):
            return [query, key, value].map { $0.outputCount / configuration.headSize }
        case .fused(let all):
            let (queries, keys) = (configuration.headCount, configuration.keyValueHeadCount)
            let held = all.outputCount / configuration.headSize
            return [queries, keys, keys].map { $0 * held / (queries + 2 * keys) }
        }
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
            if !graph.isRecording { return parts(all, headCounts) }
            let parts = graph.split(all, into: headCounts.map { $0 * headSize }).map(split)
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
