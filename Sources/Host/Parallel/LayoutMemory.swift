import Core
import PluginAPI

// d ranks that share one copy

/// The memory of one rank of a layout.
///
/// A trained parameter of a bfloat16 run takes 2 bytes for the copy that layers read, 4 for its gradient, and 12 for
/// master and AdamW states: 18 bytes, of which `zero1` leaves 6 + 12 / d, `zero2` 2 + 16 / d and `zero3` 18 / d
/// (Rajbhandari et al., "ZeRO", 2019, arXiv 1910.02054, section 3, with float32 gradients).
struct LayoutMemory {
    let plan: RankPlan
    let holding: LayoutHolding
    let precision: Precision
    let figures: LayoutRehearsal.Figures
    /// Of activations that ranks cut along the sequence between layers: those of one rank, to be divided.
    let wholeFigures: LayoutRehearsal.Figures
    /// Micro-batches of a chunk that are alive at once.
    let peakAlive: Int
    /// Bytes that a process takes without the model, and copies on their way to a checkpoint, at most.
    let processBytes: Int
    let snapshotLimit: Int

    /// Bytes by part.
    var estimate: MemoryEstimate {
        let level = plan.storage.level
        func bytes(_ size: Int, cutFrom least: ArenaSharding.Level) -> Int {
            level >= least ? Int(holding.owned * Double(size)) : holding.trained * size
        }
        let (read, master) = (precision.compute.byteCount, precision.master.byteCount)
        let hasCopy = precision.compute != precision.master
        let weights = bytes(master, cutFrom: hasCopy ? .states : .weights)
        let states = Int(
            (holding.owned - holding.ownedOuter) * figures.states.inner + holding.ownedOuter * figures.states.outer)
        // The block at work and those on their way have whole weights, and the block that backward is in a whole gradient.
        let wholeElements = plan.storage.reshards ? (1 + plan.storage.prefetch) * holding.largestCut : holding.cut
        let gathered = (level == .weights ? wholeElements * read : 0)
            + (level >= .gradients ? holding.largestCut * master : 0)
        return MemoryEstimate(parts: [
            .init(name: "weights", byteCount: weights + holding.frozen * read),
            .init(name: "compute copies", byteCount: hasCopy ? bytes(read, cutFrom: .weights) : 0),
            .init(name: "gradients", byteCount: bytes(master, cutFrom: .gradients)),
            .init(name: "optimizer states", byteCount: states),
            .init(name: "gathered blocks", byteCount: gathered),
            .init(name: "frozen models", byteCount: sum(figures.frozenModels)),
            .init(name: "position tables", byteCount: figures.positionTables),
            .init(name: "activations", byteCount: activations),
            .init(name: "workspace", byteCount: max(sum(figures.workspace), figures.workspace.update)),
            .init(name: "process and data", byteCount: processBytes + min(snapshotLimit, weights + states)),
        ])
    }

    private func sum(_ bytes: LayoutRehearsal.Bytes) -> Int { bytes.fixed + bytes.perLayer * holding.layerCount }

    /// Those of every micro-batch that is alive, and what is there once: the head's, and the block at work. An update that
    /// takes more by itself counts instead.
    private var activations: Int {
        let cut = plan.tokens
        let perLayer = cut.streamRanks > 1
            ? wholeFigures.activations.perLayer / cut.streamRanks : figures.activations.perLayer
        let alive = Double(perLayer) * Double(holding.layerCount) * Double(peakAlive) / Double(plan.pipeline.chunkCount)
        return max((figures.activations.fixed + Int(alive)) / cut.chunks.count, figures.activations.update)
    }
}
