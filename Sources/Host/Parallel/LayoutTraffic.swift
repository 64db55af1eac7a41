import Core

// d data, t tensor, c context, e expert, p pipeline ranks; m micro-batches; B samples, T tokens, C width; an all-reduce of
// N bytes over n ranks sends 2 (n - 1) / n N, an all-gather or reduce-scatter (n - 1) / n N

/// Bytes that a rank sends in an optimizer step, by axis, and those of them that nothing hides.
struct LayoutTraffic {
    let settings: ParallelSettings
    let work: ParallelSettings.Work
    let precision: Precision
    let checkpointing: DecoderModel.Checkpointing
    /// m
    let microBatchCount: Int
    /// FLOPs of a rank in a step.
    let stepFlops: Double
    /// FLOPs that a rank does while it sends one byte.
    let flopsPerByte: Double

    /// What one rank sends along each axis.
    struct Sent {
        var bytes: [MeshAxis: Double] = [:]
        /// Bytes whose sending keeps the rank from computing.
        var exposed: [MeshAxis: Double] = [:]

        var total: Double { bytes.values.reduce(0, +) }
        var exposedTotal: Double { exposed.values.reduce(0, +) }
    }

    /// Tokens of a micro-batch on one rank.
    private var tokenCount: Double {
        let samples = min(work.microBatchSize, settings.sampleCount(of: work))
        return Double(samples * work.sequenceLength) / Double(settings.context.size)
    }

    private var activationBytes: Double { Double(precision.compute.byteCount) }
    /// Bytes of one micro-batch's residual stream, B T C.
    private var streamBytes: Double { tokenCount * Double(work.configuration.width) * activationBytes }

    /// What a pipeline rank sends.
    func sent(by holding: LayoutMemory.Holding, rank: Int) -> Sent {
        var sent = Sent()
        data(holding, &sent)
        tensor(holding, rank, &sent)
        context(holding, &sent)
        pipeline(holding, rank, &sent)
        expert(holding, &sent)
        return sent
    }

    private func share(_ count: Int) -> Double { Double(count - 1) / Double(count) }

    /// Gradients are reduced while backward goes on, weights of zero3 gathered ahead; the last block's gradients, the first
    /// block's weights, and the weights that zero1 and zero2 gather after the update wait for nothing else.
    private func data(_ holding: LayoutMemory.Holding, _ sent: inout Sent) {
        let axis = settings.data
        guard axis.size > 1 else { return }
        let (g, w) = (Double(precision.master.byteCount), Double(precision.compute.byteCount))
        let (elements, block) = (Double(holding.trained), Double(holding.largestBlock))
        let (m, shards) = (Double(microBatchCount), axis.shardCount)
        let copies = axis.size / shards
        let within = share(shards)
        // Between groups that have a whole copy each, shards are summed once a step.
        let between = 2 * share(copies) * elements * g / Double(shards)
        let computing = stepFlops / flopsPerByte
        func exposed(_ bytes: Double, least: Double, while hidden: Double) -> Double {
            max(min(least, bytes), bytes - hidden)
        }
        switch axis.strategy {
        case .data:
            let bytes = 2 * share(axis.size) * elements * g
            sent.bytes[.data] = bytes
            sent.exposed[.data] = exposed(bytes, least: bytes * block / max(elements, 1), while: computing * 2 / 3 / m)
        case .zero1, .zero2:
            // zero2 leaves no whole gradients behind, so every micro-batch's are reduced.
            let isEach = axis.strategy == .zero2
            let reduced = within * elements * g * (isEach ? m : 1) + between
            let gathered = within * elements * w
            let least = within * block * g
            sent.bytes[.data] = reduced + gathered
            sent.exposed[.data] = exposed(reduced, least: least, while: computing * 2 / 3 / (isEach ? 1 : m)) + gathered
        case .zero3:
            // Forward and backward of each micro-batch gather each block, or forward does for both.
            let bytes = within * elements * ((axis.reshard ? 2 : 1) * w + g) * m + between
            sent.bytes[.data] = bytes
            sent.exposed[.data] = exposed(bytes, least: within * block * (w + g), while: computing)
        }
    }

    /// Two sums forward and two backward of each block; the head's and the embedding's; three numbers a token for the loss.
    private func tensor(_ holding: LayoutMemory.Holding, _ rank: Int, _ sent: inout Sent) {
        let t = settings.tensor.size
        guard t > 1 else { return }
        // A block that is recomputed repeats the sum inside of it; the last one's result is not needed again.
        let sums = checkpointing == .block ? 5.0 : 4
        var bytes = sums * 2 * share(t) * streamBytes * Double(holding.layerCount)
        if holding.embedding > 0 { bytes += 2 * share(t) * streamBytes }
        if isLast(rank) { bytes += 2 * share(t) * (streamBytes + 3 * tokenCount * 4) }
        sent.bytes[.tensor] = bytes * Double(microBatchCount)
        sent.exposed[.tensor] = sent.bytes[.tensor]
    }

    /// Keys and values go round forward, and twice as much backward; or heads are exchanged for tokens and back. Gradients
    /// are summed over context ranks too.
    private func context(_ holding: LayoutMemory.Holding, _ sent: inout Sent) {
        let c = settings.context.size
        guard c > 1 else { return }
        let part = work.configuration.part(tensorRanks: settings.tensor.size)
        let width = Double(part.headCount * part.headSize)
        let keyWidth = Double(part.keyValueHeadCount * part.headSize)
        let each = switch settings.context.strategy {
        case .ring: 3 * 2 * Double(c - 1) * tokenCount * keyWidth * activationBytes
        case .ulysses: 2 * (2 * width + 2 * keyWidth) * tokenCount * activationBytes * share(c)
        }
        sent.bytes[.context] = each * Double(holding.layerCount * microBatchCount) + gradientSum(over: c, holding)
        sent.exposed[.context] = sent.bytes[.context]
    }

    private func gradientSum(over ranks: Int, _ holding: LayoutMemory.Holding) -> Double {
        2 * share(ranks) * Double(holding.trained * precision.master.byteCount) / Double(settings.data.shardCount)
    }

    /// The residual stream to the next stage and its gradient to the one before. While a rank sends one micro-batch it
    /// computes another, but for the way of the first and the last through all stages. A tied embedding's two gradients
    /// are summed.
    private func pipeline(_ holding: LayoutMemory.Holding, _ rank: Int, _ sent: inout Sent) {
        let axis = settings.pipeline
        guard axis.size > 1 else { return }
        let shape = shape
        let places = (0..<shape.stageCount).map { shape.place(ofStage: $0).rank }
        let messages = (1..<shape.stageCount).reduce(0) { count, stage in
            guard places[stage] != places[stage - 1] else { return count }
            return count + (places[stage - 1] == rank ? 1 : 0) + (places[stage] == rank ? 1 : 0)
        }
        let message = streamBytes / (settings.tensor.sequence ? Double(settings.tensor.size) : 1)
        let bytes = Double(messages * microBatchCount) * message
        let tied = work.configuration.isTied && holding.embedding > 0 && places[0] != places[shape.stageCount - 1]
            ? Double(holding.embedding * precision.master.byteCount) : 0
        sent.bytes[.pipeline] = bytes + tied
        sent.exposed[.pipeline] = min(bytes, 2 * Double(shape.stageCount - 1) * message) + tied
    }

    /// Each token to its experts and back, forward and backward, if experts are chosen evenly; and gradients, which are
    /// summed over expert ranks where they are no expert's.
    private func expert(_ holding: LayoutMemory.Holding, _ sent: inout Sent) {
        let e = settings.expert.size
        guard e > 1 else { return }
        let tokens = 4 * share(e) * streamBytes * Double(work.expertsPerToken * holding.layerCount * microBatchCount)
        sent.bytes[.expert] = tokens + gradientSum(over: e, holding)
        sent.exposed[.expert] = sent.bytes[.expert]
    }

    private var shape: PipelineShape {
        PipelineShape(
            ranks: settings.pipeline.size, microBatches: 1, chunks: settings.pipeline.chunkCount,
            order: settings.pipeline.schedule == .zeroBubbleV ? .vee : .loops)
    }

    private func isLast(_ rank: Int) -> Bool { shape.place(ofStage: shape.stageCount - 1).rank == rank }
}
