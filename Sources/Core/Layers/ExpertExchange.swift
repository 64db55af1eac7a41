// A rows, B rows of this rank's experts, C width

/// Where the experts of tokens are. Layers hand it the rows of one rank's tokens and never ask where they run.
public protocol ExpertExchange {
    /// Whether this rank has an expert.
    func holds(_ expert: Int) -> Bool

    /// What experts make of rows, whoever has them: [A, C].
    /// - Parameters:
    ///   - rows: [A, C], sorted by expert.
    ///   - experts: [A] int32, the number of each row's expert.
    ///   - body: what this rank's experts, counted from its first one, make of rows that are sorted by them: [B, C].
    func serve(
        _ graph: Graph, _ rows: Tensor, _ experts: Tensor, by body: (_ rows: Tensor, _ experts: Tensor) -> Tensor
    ) -> Tensor
}

/// Experts that every rank has all of.
public struct WholeExperts: ExpertExchange {
    public init() {}

    public func holds(_ expert: Int) -> Bool { true }

    public func serve(
        _ graph: Graph, _ rows: Tensor, _ experts: Tensor, by body: (_ rows: Tensor, _ experts: Tensor) -> Tensor
    ) -> Tensor {
        body(rows, experts)
    }
}
