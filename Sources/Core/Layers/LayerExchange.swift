// B batch, T tokens, C width, N scored positions, V vocabulary

/// What happens at the borders of layers that are divided over ranks. Layers call it and never ask where they run.
public protocol LayerExchange {
    /// What q, k and v, or gate and up, read, of which each rank computes some outputs: x [B, T, C].
    func enter(_ graph: Graph, _ x: Tensor) -> Tensor
    /// layer(x), of which each rank computes a part of every sum: x [B, T, I]; result [B, T, O].
    func project(_ layer: Linear, _ graph: Graph, _ x: Tensor) -> Tensor
    /// residual += layer(x), in place, where nothing is recorded.
    func add(_ layer: Linear, _ graph: Graph, _ x: Tensor, to residual: Tensor)
    /// The rows of a table of which each rank holds a range: indices [B, T]; result [B, T, C].
    func embed(_ graph: Graph, _ indices: Tensor, _ embedding: Embedding) -> Tensor
    /// The rows of the head that this rank holds, of `count`.
    func vocabulary(_ count: Int) -> Range<Int>
    /// `LogitSums` [5, N] of all parts of the vocabulary from those of each.
    func merged(_ sums: Tensor) -> Tensor
}

/// Layers that are not divided.
public struct WholeLayers: LayerExchange {
    public init() {}

    public func enter(_ graph: Graph, _ x: Tensor) -> Tensor { x }
    public func project(_ layer: Linear, _ graph: Graph, _ x: Tensor) -> Tensor { layer(graph, x) }

    public func add(_ layer: Linear, _ graph: Graph, _ x: Tensor, to residual: Tensor) {
        layer.add(graph, x, to: residual)
    }

    public func embed(_ graph: Graph, _ indices: Tensor, _ embedding: Embedding) -> Tensor { embedding(graph, indices) }
    public func vocabulary(_ count: Int) -> Range<Int> { 0..<count }
    public func merged(_ sums: Tensor) -> Tensor { sums }
}
