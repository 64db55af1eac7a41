import JSON

/// The `parallel:` section that a configuration asks for.
struct ImportedLayout {
    /// What data ranks keep whole of what they train, in the words of a recipe and in the order of ZeRO's stages.
    enum DataStrategy: String, CaseIterable {
        case data, zero1, zero2, zero3
    }

    enum ContextStrategy: String {
        case ring, ulysses
    }

    var dataSize = 1
    var dataStrategy = DataStrategy.data
    /// Ranks that share one copy of what is cut; nil = all.
    var shard: Int?
    /// Blocks that are gathered ahead; nil = nothing is said.
    var prefetch: Int?
    var tensorSize = 1
    var cutsSequence = false
    var pipelineSize = 1
    var contextSize = 1
    var contextStrategy = ContextStrategy.ring

    /// Ranks along the axes other than the data axis.
    var otherRanks: Int { tensorSize * pipelineSize * contextSize }

    /// Axes of several ranks, with what a recipe would not do by itself; empty = one rank.
    var section: JSONValue {
        func axis(_ name: String, _ size: Int, _ options: [JSONValue.Member?]) -> [JSONValue.Member] {
            size == 1 ? [] : [.init(name, .object([.init("size", .integer(size))] + options.compactMap { $0 }))]
        }
        let ahead = dataStrategy == .zero3 && prefetch != 1 ? prefetch : nil
        return .object(
            axis(
                "data", dataSize,
                [
                    .init("strategy", .string(dataStrategy.rawValue)),
                    dataStrategy == .data || shard == dataSize ? nil : shard.map { .init("shard", .integer($0)) },
                    ahead.map { .init("prefetch", .integer($0)) },
                ])
                + axis("tensor", tensorSize, [cutsSequence ? .init("sequence", .bool(true)) : nil])
                + axis("pipeline", pipelineSize, [])
                + axis("context", contextSize, [.init("strategy", .string(contextStrategy.rawValue))]))
    }
}
