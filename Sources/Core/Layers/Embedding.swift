// V vocabulary, C width

/// y[i] = W[indices[i]], with W stored [V, C].
public struct Embedding {
    public let weight: Parameter
    /// V of the whole table, of which a rank may hold a range.
    public let count: Int

    public static func specs(
        _ name: String, block: String, count: Int, width: Int, initializer: Initializer, placement: Placement
    ) -> [ParameterSpec] {
        [
            ParameterSpec(
                name + ".weight", [count, width], block: block, initializer: initializer, placement: placement)
        ]
    }

    public init(_ name: String, count: Int, from parameters: ParameterStore) {
        weight = parameters[name + ".weight"]
        self.count = count
    }

    /// indices [...] int32; result [..., C].
    public func callAsFunction(_ graph: Graph, _ indices: Tensor) -> Tensor {
        graph.embedding(indices, weight)
    }
}
