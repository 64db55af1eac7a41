// p ranks, v chunks a rank

/// How the layers of a model are dealt to pipeline stages, and in which order these work.
public struct PipelinePlan: Sendable {
    /// Layers of each stage, first to last.
    public let layerCounts: [Int]
    public let chunkCount: Int
    public let order: PipelineShape.Order
    /// Micro-batches of a step come in multiples of this.
    public let microBatchMultiple: Int
    private let make: @Sendable (PipelineShape) -> PipelineSchedule

    /// One rank that does each micro-batch forward and backward before the next.
    public static func alone(_ configuration: DecoderConfiguration) -> PipelinePlan {
        PipelinePlan(layerCounts: [configuration.layers.count], PipelineSchedule.oneForwardOneBackward)
    }

    /// - Parameters:
    ///   - layerCounts: layers of each stage: p * v numbers.
    ///   - chunks: v.
    ///   - microBatchMultiple: see the property.
    ///   - make: the schedule of a shape.
    public init(
        layerCounts: [Int], chunks: Int = 1, order: PipelineShape.Order = .loops, microBatchMultiple: Int = 1,
        _ make: @escaping @Sendable (PipelineShape) -> PipelineSchedule
    ) {
        precondition(layerCounts.count % chunks == 0, "pipeline: \(layerCounts.count) stages in chunks of \(chunks)")
        (self.layerCounts, chunkCount, self.order) = (layerCounts, chunks, order)
        (self.microBatchMultiple, self.make) = (microBatchMultiple, make)
    }

    /// Layers dealt out evenly, the first stages having one more where they do not divide.
    public static func even(layers: Int, stages: Int) -> [Int] {
        (0..<stages).map { layers / stages + ($0 < layers % stages ? 1 : 0) }
    }

    public func shape(microBatches: Int) -> PipelineShape {
        PipelineShape(
            ranks: layerCounts.count / chunkCount, microBatches: microBatches, chunks: chunkCount, order: order)
    }

    public func schedule(microBatches: Int) -> PipelineSchedule { make(shape(microBatches: microBatches)) }

    /// Micro-batches of a step in which some rank has `count`, empty ones among them.
    public func roundedUp(_ count: Int) -> Int {
        (count + microBatchMultiple - 1) / microBatchMultiple * microBatchMultiple
    }

    /// A stage by its number.
    public func stage(_ number: Int) -> ModelStage {
        let first = layerCounts[..<number].reduce(0, +)
        return ModelStage(
            layers: first..<first + layerCounts[number], isFirst: number == 0, isLast: number == layerCounts.count - 1)
    }

    /// The numbers of a rank's stages, by chunk.
    public func stageNumbers(ofRank rank: Int) -> [Int] {
        let shape = shape(microBatches: 1)
        return (0..<chunkCount).map { shape.stage(rank: rank, chunk: $0) }
    }
}
