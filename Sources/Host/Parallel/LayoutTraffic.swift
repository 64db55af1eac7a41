import Core
import PluginAPI

// d ranks that see other tokens, t tensor, e expert ranks; m micro-batches; B samples, T tokens, C width; an all-reduce of
// N bytes over n ranks sends 2 (n - 1) / n N, an all-gather or reduce-scatter (n - 1) / n N

/// Bytes that a rank sends in an optimizer step, by axis, and those of them that nothing hides.
struct LayoutTraffic {
    let plan: RankPlan
    let holding: LayoutHolding
    let run: DividedRun
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

    private var shape: MeshShape { plan.mesh.shape }

    /// Tokens of a micro-batch on one rank.
    private var tokenCount: Double {
        let samples = min(run.microBatchSize, run.sampleCount)
        return Double(samples * run.sequenceLength) / Double(plan.tokens.chunks.count)
    }

    private var activationBytes: Double { Double(precision.compute.byteCount) }
    /// Bytes of one micro-batch's residual stream, B T C.
    private var streamBytes: Double { tokenCount * Double(run.configuration.width) * activationBytes }

    var sent: Sent {
        var sent = Sent()
        gradients(&sent)
        tensor(&sent)
        context(&sent)
        pipeline(&sent)
        expert(&sent)
        return sent
    }

    private func share(_ count: Int) -> Double { Double(count - 1) / Double(count) }

    /// Gradients are reduced while backward goes on, weights that are cut gathered ahead; the last block's gradients, the
    /// first block's weights, and weights that are gathered after the update wait for nothing else.
    private func gradients(_ sent: inout Sent) {
        let axes = [MeshAxis.data, .expert, .context].filter { shape[$0] > 1 }
        guard let axis = axes.first, holding.trained > 0 else { return }
        let ranks = axes.reduce(1) { $0 * shape[$1] }
        let (g, w) = (Double(precision.master.byteCount), Double(precision.compute.byteCount))
        let (elements, cut, block) = (Double(holding.trained), Double(holding.cut), Double(holding.largestBlock))
        let (m, shards, within) = (Double(microBatchCount), holding.shardCount, share(holding.shardCount))
        // Between groups that have a whole copy each, shards are summed once a step; so is what is not cut, over all.
        let between = 2 * share(ranks / shards) * cut / Double(shards) * g + 2 * share(ranks) * (elements - cut) * g
        let computing = stepFlops / flopsPerByte
        func exposed(_ bytes: Double, least: Double, while hidden: Double) -> Double {
            max(min(least, bytes), bytes - hidden)
        }
        switch plan.storage.level {
        case .nothing:
            sent.bytes[axis] = between
            sent.exposed[axis] = exposed(
                between, least: between * block / elements, while: computing * 2 / 3 / m)
        case .states, .gradients:
            // Where no whole gradients are left behind, every micro-batch's are reduced.
            let isEach = plan.storage.level == .gradients
            let reduced = within * cut * g * (isEach ? m : 1) + between
            let gathered = within * cut * w
            sent.bytes[axis] = reduced + gathered
            sent.exposed[axis] = gathered
                + exposed(reduced, least: within * block * g, while: computing * 2 / 3 / (isEach ? 1 : m))
        case .weights:
            // Forward and backward of each micro-batch gather each block, or forward does for both.
            let bytes = within * cut * ((plan.storage.reshards ? 2 : 1) * w + g) * m + between
            sent.bytes[axis] = bytes
            sent.exposed[axis] = exposed(bytes, least: within * block * (w + g), while: computing)
        }
    }

    private func add(_ bytes: Double, exposed: Double, _ axis: MeshAxis, _ sent: inout Sent) {
        sent.bytes[axis, default: 0] += bytes
        sent.exposed[axis, default: 0] += exposed
    }

    /// Two sums forward and two backward of each block; the head's and the embedding's; three numbers a token for the loss.
    private func tensor(_ sent: inout Sent) {
        let t = shape[.tensor]
        guard t > 1 else { return }
        // A block that is recomputed repeats the sum inside of it; the last one's result is not needed again.
        let sums = checkpointing == .block ? 5.0 : 4
        var bytes = sums * 2 * share(t) * streamBytes * Double(holding.layerCount)
        if plan.stages.contains(where: \.isFirst) { bytes += 2 * share(t) * streamBytes }
        if plan.stages.contains(where: \.isLast) { bytes += 2 * share(t) * (streamBytes + 3 * tokenCount * 4) }
        add(bytes * Double(microBatchCount), exposed: bytes * Double(microBatchCount), .tensor, &sent)
    }

    /// What attention exchanges.
    private func context(_ sent: inout Sent) {
        guard shape[.context] > 1 else { return }
        let part = run.configuration.part(tensorRanks: shape[.tensor])
        let elements = plan.attention.sentElements(
            width: part.headCount * part.headSize, keyWidth: part.keyValueHeadCount * part.headSize)
        let bytes = elements * tokenCount * activationBytes * Double(holding.layerCount * microBatchCount)
        add(bytes, exposed: bytes, .context, &sent)
    }

    /// The residual stream to the next stage and its gradient to the one before. While a rank sends one micro-batch it
    /// computes another, but for the way of the first and the last through all stages. A tied embedding's two gradients
    /// are summed.
    private func pipeline(_ sent: inout Sent) {
        guard shape[.pipeline] > 1 else { return }
        let (stages, rank) = (plan.pipeline.shape(microBatches: 1), plan.mesh.along(.pipeline).rank)
        let places = (0..<stages.stageCount).map { stages.place(ofStage: $0).rank }
        let messages = (1..<stages.stageCount).reduce(0) { count, stage in
            guard places[stage] != places[stage - 1] else { return count }
            return count + (places[stage - 1] == rank ? 1 : 0) + (places[stage] == rank ? 1 : 0)
        }
        let message = streamBytes / Double(plan.tokens.streamRanks)
        let bytes = Double(messages * microBatchCount) * message
        let tied = run.configuration.isTied && holding.embedding > 0 && places[0] != places[stages.stageCount - 1]
            ? Double(holding.embedding * precision.master.byteCount) : 0
        add(bytes + tied, exposed: min(bytes, 2 * Double(stages.stageCount - 1) * message) + tied, .pipeline, &sent)
    }

    /// Each token to its experts and back, forward and backward, if experts are chosen evenly.
    private func expert(_ sent: inout Sent) {
        guard shape[.expert] > 1, let experts = run.configuration.experts else { return }
        let layers = plan.stages.flatMap(\.layers).count { run.configuration.layers[$0].hasExperts }
        let bytes = 4 * share(shape[.expert]) * streamBytes * Double(experts.perToken * layers * microBatchCount)
        add(bytes, exposed: bytes, .expert, &sent)
    }
}
