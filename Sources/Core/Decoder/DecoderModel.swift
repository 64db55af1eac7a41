// B batch, T tokens, C width

/// A decoder-only transformer, driven by its configuration.
///
/// `hidden` is `embed`, the blocks in order, `normalize`; a pipeline stage or a strategy calls these parts itself.
public final class DecoderModel {
    public let configuration: DecoderConfiguration
    public let embedding: Embedding
    /// The table of learned positions; nil for rotary models.
    public let positionEmbedding: Embedding?
    public let blocks: [DecoderBlock]
    public let finalNorm: Normalization
    /// The output embedding, [V, C]: the embedding itself when tied.
    public let head: Parameter
    public let checkpointing: Checkpointing
    private let rotation: (cosine: Tensor, sine: Tensor)?

    /// What is recomputed in backward instead of kept.
    public enum Checkpointing: String, Sendable, Hashable, Codable, CaseIterable {
        case none
        /// The input of each block is kept, and what is expensive to compute for its size, see
        /// `Recomputation.selective`.
        case selective
        /// Only the input of each block is kept.
        case block
    }

    /// The parameters of a model of this configuration, in the order of its forward pass.
    public static func specs(_ configuration: DecoderConfiguration) -> [ParameterSpec] {
        let (names, width) = (configuration.names, configuration.width)
        var specs = Embedding.specs(
            names.embedding, block: "embedding", count: configuration.vocabularySize, width: width,
            initializer: configuration.initializer(), placement: .vocabulary)
        if configuration.positions == .learned {
            specs += Embedding.specs(
                names.positions, block: "embedding", count: configuration.positionCount, width: width,
                initializer: configuration.initializer(), placement: .replicated)
        }
        specs += configuration.layers.indices.flatMap { DecoderBlock.specs(configuration, layer: $0) }
        specs += Normalization.specs(configuration.norm, names.finalNorm, block: "head", width: width)
        if !configuration.isTied {
            specs += Embedding.specs(
                names.head, block: "head", count: configuration.vocabularySize, width: width,
                initializer: configuration.initializer(), placement: .vocabulary)
        }
        return specs
    }

    /// - Parameters:
    ///   - configuration: the architecture.
    ///   - parameters: holds what `specs(configuration)` declares.
    ///   - checkpointing: what backward recomputes.
    public init(
        _ configuration: DecoderConfiguration, _ parameters: ParameterStore, _ runtime: Runtime,
        checkpointing: Checkpointing = .none
    ) {
        let names = configuration.names
        self.configuration = configuration
        self.checkpointing = checkpointing
        embedding = Embedding(names.embedding, from: parameters)
        positionEmbedding = configuration.positions == .learned
            ? Embedding(names.positions, from: parameters) : nil
        blocks = configuration.layers.indices.map { DecoderBlock(configuration, layer: $0, from: parameters) }
        finalNorm = Normalization(
            configuration.norm, names.finalNorm, epsilon: configuration.normEpsilon, from: parameters)
        head = parameters[(configuration.isTied ? names.embedding : names.head) + ".weight"]
        // Angles of late positions need more digits than bfloat16 has.
        let dtype: DType = parameters.precision == .float64 ? .float64 : .float32
        if case .rotary(let rope) = configuration.positions {
            rotation = rope.tables(count: configuration.positionCount, dtype, runtime)
        } else {
            rotation = nil
        }
    }

    /// The last block's output after the final norm, [B, T, C]: what heads read.
    public func hidden(_ graph: Graph, _ batch: TokenBatch, cache: CachedBatch? = nil) -> Tensor {
        let context = context(batch, cache: cache)
        var x = embed(graph, batch)
        for block in blocks { x = apply(block, graph, x, context) }
        return normalize(graph, x)
    }

    /// What the blocks of one forward pass share.
    public func context(_ batch: TokenBatch, cache: CachedBatch? = nil) -> DecoderContext {
        DecoderContext(
            positions: batch.positions, documentStart: batch.documentStart, rotation: rotation, cache: cache)
    }

    /// The residual stream before the first block, [B, T, C].
    public func embed(_ graph: Graph, _ batch: TokenBatch) -> Tensor {
        let x = embedding(graph, batch.ids)
        return positionEmbedding.map { graph.add(x, $0(graph, batch.positions)) } ?? x
    }

    /// One block, recomputed in backward when checkpointing asks for it.
    public func apply(_ block: DecoderBlock, _ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        func recomputed(_ strategy: Recomputation) -> Tensor {
            graph.recomputed([x], strategy) { graph, inputs in [block(graph, inputs[0], context)] }[0]
        }
        return switch checkpointing {
        case .none: block(graph, x, context)
        case .block: recomputed(.everything)
        case .selective: recomputed(.selective)
        }
    }

    /// The final norm.
    public func normalize(_ graph: Graph, _ x: Tensor) -> Tensor { finalNorm(graph, x) }
}
