import Core

// d data ranks that share one copy, t tensor ranks, c context ranks

/// The memory of each pipeline rank of a layout.
///
/// A trained parameter of a bfloat16 run takes 2 bytes for the copy that layers read, 4 for its gradient, and 12 for
/// master and AdamW states: 18 bytes, of which `zero1` leaves 6 + 12 / d, `zero2` 2 + 16 / d and `zero3` 18 / d
/// (Rajbhandari et al., "ZeRO", 2019, arXiv 1910.02054, section 3, with float32 gradients).
struct LayoutMemory {
    let settings: ParallelSettings
    let work: ParallelSettings.Work
    let precision: Precision
    let figures: LayoutRehearsal.Figures
    /// Of a rank's activations where tensor ranks cut them along the sequence: those of one rank, to be divided.
    let wholeFigures: LayoutRehearsal.Figures
    /// Micro-batches of a chunk that are alive at once, by rank.
    let peakAlive: [Int]
    /// Whether a parameter is trained.
    let isTrained: (String) -> Bool
    /// Bytes that a process takes without the model, and copies on their way to a checkpoint, at most.
    let processBytes: Int
    let snapshotLimit: Int

    /// What a rank holds of the model.
    struct Holding {
        var trained = 0
        var frozen = 0
        /// Trained elements outside of the blocks: embeddings, the last norm and the head.
        var outer = 0
        /// Trained elements of the largest block, and of the embedding.
        var largestBlock = 0
        var layerCount = 0
        var embedding = 0
    }

    /// What each pipeline rank holds.
    var holdings: [Holding] {
        let part = work.configuration.part(tensorRanks: settings.tensor.size)
        let pipeline = settings.pipeline
        let counts = pipeline.layerCounts(of: part.layers.count)
        let shape = PipelineShape(
            ranks: pipeline.size, microBatches: 1, chunks: pipeline.chunkCount,
            order: pipeline.schedule == .zeroBubbleV ? .vee : .loops)
        var rankOfBlock: [String: Int] = [:]
        var first = 0
        for (stage, count) in counts.enumerated() {
            for layer in first..<first + count {
                rankOfBlock[DecoderConfiguration.blockName(layer)] = shape.place(ofStage: stage).rank
            }
            first += count
        }
        let last = shape.place(ofStage: shape.stageCount - 1).rank
        rankOfBlock["head"] = last
        var blocks: [String: (trained: Int, frozen: Int)] = [:]
        for spec in DecoderModel.specs(part) {
            let count = spec.elementCount / (spec.placement.expert != nil ? settings.expert.size : 1)
            if isTrained(spec.name) {
                blocks[spec.block, default: (0, 0)].trained += count
            } else {
                blocks[spec.block, default: (0, 0)].frozen += count
            }
        }
        var holdings = Array(repeating: Holding(), count: pipeline.size)
        func add(_ block: String, to rank: Int) {
            let (trained, frozen) = blocks[block] ?? (0, 0)
            holdings[rank].trained += trained
            holdings[rank].frozen += frozen
            holdings[rank].largestBlock = max(holdings[rank].largestBlock, trained)
            if block.hasPrefix("layers.") {
                holdings[rank].layerCount += 1
            } else {
                holdings[rank].outer += trained
            }
            if block == "embedding" { holdings[rank].embedding = part.vocabularySize * part.width }
        }
        for block in blocks.keys.sorted() { add(block, to: rankOfBlock[block] ?? 0) }
        // A tied head is the embedding once more, where the last stage is elsewhere.
        if part.isTied, last != 0 { add("embedding", to: last) }
        return holdings
    }

    /// Bytes by part of the rank at a place of the pipeline.
    func estimate(of holding: Holding, rank: Int) -> MemoryEstimate {
        let strategy = settings.data.strategy
        let d = Double(settings.data.shardCount)
        func bytes(_ elements: Int, _ size: Double, cutBy strategies: Set<ParallelSettings.DataAxis.Strategy>) -> Int {
            Int(Double(elements) * size / (strategies.contains(strategy) ? d : 1))
        }
        let (read, master) = (precision.compute.byteCount, precision.master.byteCount)
        let hasCopy = precision.compute != precision.master
        let weights = bytes(holding.trained, Double(master), cutBy: hasCopy ? [.zero1, .zero2, .zero3] : [.zero3])
        let copies = hasCopy ? bytes(holding.trained, Double(read), cutBy: [.zero3]) : 0
        let gradients = bytes(holding.trained, Double(master), cutBy: [.zero2, .zero3])
        let inner = Double(holding.trained - holding.outer) * figures.states.inner
        let states = bytes(
            Int(inner + Double(holding.outer) * figures.states.outer), 1, cutBy: [.zero1, .zero2, .zero3])
        // The block at work and those on their way have whole weights, and the block that backward is in a whole gradient.
        let wholeElements = settings.data.reshard ? (1 + settings.data.prefetch) * holding.largestBlock : holding.trained
        let wholeWeights = strategy == .zero3 ? wholeElements * read : 0
        let wholeGradient = strategy == .zero2 || strategy == .zero3 ? holding.largestBlock * master : 0
        let gathered = d > 1 ? wholeWeights + wholeGradient : 0
        let frozen = figures.frozenModels.fixed + figures.frozenModels.perLayer * holding.layerCount
        return MemoryEstimate(parts: [
            .init(name: "weights", byteCount: weights + holding.frozen * read),
            .init(name: "compute copies", byteCount: copies),
            .init(name: "gradients", byteCount: gradients),
            .init(name: "optimizer states", byteCount: states),
            .init(name: "gathered blocks", byteCount: gathered),
            .init(name: "frozen models", byteCount: frozen),
            .init(name: "position tables", byteCount: figures.positionTables),
            .init(name: "activations", byteCount: activations(holding, rank: rank)),
            .init(
                name: "workspace",
                byteCount: max(
                    figures.workspace.fixed + figures.workspace.perLayer * holding.layerCount, figures.workspace.update)),
            .init(name: "process and data", byteCount: processBytes + min(snapshotLimit, weights + states)),
        ])
    }

    /// Those of every micro-batch that is alive, and what is there once: the head's, and the block at work. An update that
    /// takes more by itself counts instead.
    private func activations(_ holding: Holding, rank: Int) -> Int {
        let chunks = settings.pipeline.chunkCount
        let perLayer = settings.tensor.sequence
            ? wholeFigures.activations.perLayer / settings.tensor.size : figures.activations.perLayer
        let alive = Double(perLayer) * Double(holding.layerCount) * Double(peakAlive[rank]) / Double(chunks)
        return max((figures.activations.fixed + Int(alive)) / settings.context.size, figures.activations.update)
    }
}
