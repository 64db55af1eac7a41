// B batch, T tokens, C width

/// A decoder-only transformer, driven by its configuration, or a stage of one.
///
/// `hidden` is `embed`, the blocks in order, `normalize`; a pipeline calls these parts itself.
public final class DecoderModel {
    public let configuration: DecoderConfiguration
    public let stage: ModelStage
    /// The blocks of the stage.
    public let blocks: [DecoderBlock]
    /// What happens at the borders of layers that are divided over ranks.
    public let exchange: any LayerExchange
    /// How attention is done where ranks hold parts of the tokens.
    public let attention: any AttentionExchange
    /// Where the experts of tokens are.
    public let experts: any ExpertExchange
    /// Asked before and after each block, forward and backward.
    public var passes: (any BlockPasses)?
    /// The element type of activations.
    public let dtype: DType
    private let entrance: (tokens: Embedding, positions: Embedding?)?
    private let exit: (norm: Normalization, head: Parameter)?
    private let checkpointing: Checkpointing
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
                names.positions, block: "positions", count: configuration.positionCount, width: width,
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
    ///   - parameters: holds what the stage needs of what `specs(configuration)` declares.
    ///   - checkpointing: what backward recomputes.
    ///   - stage: nil = all of the model.
    ///   - exchange: how ranks that hold parts of the parameters put theirs together.
    ///   - attention: how ranks that hold parts of the tokens do attention together.
    ///   - experts: how tokens reach experts that other ranks hold.
    public init(
        _ configuration: DecoderConfiguration, _ parameters: ParameterStore, _ runtime: Runtime,
        checkpointing: Checkpointing = .none, stage: ModelStage? = nil, exchange: any LayerExchange = WholeLayers(),
        attention: any AttentionExchange = WholeAttention(), experts: any ExpertExchange = WholeExperts()
    ) {
        let (names, stage) = (configuration.names, stage ?? ModelStage(whole: configuration))
        self.configuration = configuration
        self.stage = stage
        self.checkpointing = checkpointing
        (self.exchange, self.attention, self.experts) = (exchange, attention, experts)
        dtype = parameters.precision.compute
        blocks = stage.layers.map { DecoderBlock(configuration, layer: $0, from: parameters) }
        entrance = !stage.isFirst ? nil : (
            Embedding(names.embedding, count: configuration.vocabularySize, from: parameters),
            configuration.positions == .learned
                ? Embedding(names.positions, count: configuration.positionCount, from: parameters) : nil)
        exit = !stage.isLast ? nil : (
            Normalization(configuration.norm, names.finalNorm, epsilon: configuration.normEpsilon, from: parameters),
            parameters[configuration.headName])
        // Angles of late positions need more digits than bfloat16 has.
        let dtype: DType = parameters.precision == .float64 ? .float64 : .float32
        if case .rotary(let rope) = configuration.positions {
            rotation = rope.tables(count: configuration.positionCount, dtype, runtime)
        } else {
            rotation = nil
        }
    }

    /// Precondition: the stage is the first.
    public var embedding: Embedding {
        guard let entrance else { preconditionFailure("decoder: \(stage) has no embedding") }
        return entrance.tokens
    }

    /// The output embedding, [V, C]: the embedding itself when tied. Precondition: the stage is the last.
    public var head: Parameter {
        guard let exit else { preconditionFailure("decoder: \(stage) has no head") }
        return exit.head
    }

    /// The last block's output after the final norm, [B, T, C]: what heads read. Precondition: the stage is all.
    /// - Parameter routers: collects the decisions of layers with experts.
    public func hidden(
        _ graph: Graph, _ batch: TokenBatch, cache: CachedBatch? = nil, routers: RouterRecord? = nil
    ) -> Tensor {
        normalize(graph, applyBlocks(graph, embed(graph, batch), context(batch, cache: cache, routers: routers)))
    }

    /// The blocks of the stage in order: x [B, T, C]; result the same.
    public func applyBlocks(_ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        blocks.reduce(x) { apply($1, graph, $0, context) }
    }

    /// What the blocks of one forward pass share.
    /// - Parameter routers: collects the decisions of layers with experts.
    public func context(
        _ batch: TokenBatch, cache: CachedBatch? = nil, routers: RouterRecord? = nil
    ) -> DecoderContext {
        DecoderContext(
            routers: routers, positions: batch.positions, documentStart: batch.documentStart, counted: batch.counted,
            tokenCount: batch.tokenCount, rotation: rotation, cache: cache, exchange: exchange, attention: attention,
            experts: experts)
    }

    /// The residual stream before the first block, [B, T, C], or what the exchange leaves this rank of its tokens.
    public func embed(_ graph: Graph, _ batch: TokenBatch) -> Tensor {
        exchange.embed(graph, batch, embedding, positions: entrance?.positions)
    }

    /// One block, with what `passes` does around it.
    private func apply(_ block: DecoderBlock, _ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        guard let passes else { return compute(block, graph, x, context) }
        passes.willForward(block.name)
        // Backward comes by in the opposite order.
        let x = graph.marked(x) { passes.didBackward(block.name) }
        let y = graph.marked(compute(block, graph, x, context)) { passes.willBackward(block.name) }
        passes.didForward(block.name)
        return y
    }

    /// One block, recomputed in backward when checkpointing asks for it.
    private func compute(_ block: DecoderBlock, _ graph: Graph, _ x: Tensor, _ context: DecoderContext) -> Tensor {
        func recomputed(_ strategy: Recomputation) -> Tensor {
            let results = graph.recomputed([x], strategy) { graph, inputs in
                var inner = context
                inner.routers = context.routers.map { _ in RouterRecord() }
                return [block(graph, inputs[0], inner)] + (inner.routers?.sums?.tensors ?? [])
            }
            if let sums = RouterSums(Array(results.dropFirst()), rowCount: context.tokenCount) {
                context.routers?.add(graph, sums)
            }
            return results[0]
        }
        return switch checkpointing {
        case .none: block(graph, x, context)
        case .block: recomputed(.everything)
        case .selective: recomputed(.selective)
        }
    }

    /// Scores positions, see `Graph.score`.
    /// - Parameters:
    ///   - hidden: [N, C], rows of what `hidden` returned.
    ///   - aliveCount: micro-batches that are between their scores and their backward at once, which share the memory for
    ///     what is kept of the logits.
    public func score(
        _ graph: Graph, _ hidden: Tensor, targets: Tensor, temperature: Double = 1, softcap: Double? = nil,
        aliveCount: Int = 1
    ) -> HeadScores {
        graph.score(
            hidden, head: head, vocabulary: configuration.vocabularySize, targets: targets, temperature: temperature,
            softcap: softcap, exchange: exchange, keptBytes: checkpointing == .none ? Graph.keptScoreBytes / max(aliveCount, 1) : 0)
    }

    /// The final norm: what heads read, [B, T, C]. Precondition: the stage is the last.
    public func normalize(_ graph: Graph, _ x: Tensor) -> Tensor {
        guard let exit else { preconditionFailure("decoder: \(stage) has no final norm") }
        return exchange.enter(graph, exit.norm(graph, x))
    }
}
