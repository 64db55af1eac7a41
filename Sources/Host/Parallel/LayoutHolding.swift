import Core
import PluginAPI

/// What a rank of a layout holds of the model, as its strategies place it.
struct LayoutHolding {
    /// Trained elements that the rank holds parts of, and the share of them that it owns where ranks that see other
    /// tokens divide them.
    private(set) var trained = 0
    private(set) var owned = 0.0
    /// Those that are divided like this, and over how many ranks.
    private(set) var cut = 0
    private(set) var shardCount = 1
    private(set) var frozen = 0
    /// Those outside of the transformer blocks: embeddings, the last norm and the head.
    private(set) var outer = 0
    private(set) var ownedOuter = 0.0
    /// Of the block with the most, and of the one with the most that are divided, which is whole for a while.
    private(set) var largestBlock = 0
    private(set) var largestCut = 0
    private(set) var layerCount = 0
    /// Of the embedding.
    private(set) var embedding = 0

    init(_ plan: RankPlan, _ specs: [ParameterSpec], _ groups: ParameterGroups) {
        var blocks: [String: (all: Int, cut: Int)] = [:]
        layerCount = plan.stages.reduce(0) { $0 + $1.layers.count }
        for spec in specs {
            guard let count = plan.holding(spec)?.part.elementCount else { continue }
            guard let group = groups.number(of: spec.name) else {
                frozen += count
                continue
            }
            let sharding = plan.sharding(Arena.Key(spec, group: group), isWhole: groups.groups[group].isWholeMatrix)
            let share = Double(count) / Double(sharding.rankCount)
            trained += count
            owned += share
            if !spec.block.hasPrefix("layers.") {
                outer += count
                ownedOuter += share
            }
            if spec.block == "embedding", spec.shape.count == 2 { embedding += count }
            blocks[spec.block, default: (0, 0)].all += count
            if sharding.rankCount == 1 { continue }
            blocks[spec.block, default: (0, 0)].cut += count
            cut += count
            shardCount = max(shardCount, sharding.rankCount)
        }
        largestBlock = blocks.values.map(\.all).max() ?? 0
        largestCut = blocks.values.map(\.cut).max() ?? 0
    }
}
