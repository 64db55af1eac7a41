/// How attention is done where ranks hold parts of the tokens. Layers hand it what one rank has and never ask where
/// they run.
public protocol AttentionExchange {
    /// Writes `out` of this rank's queries over all keys that they see, whoever has them, and what its backward reads.
    /// - Parameters:
    ///   - attention: of this rank's tokens; `documentStart` counts in whole rows.
    ///   - runtime: runs what is done here.
    /// - Returns: what writes the gradients.
    func attend(_ attention: Attention, _ runtime: Runtime) -> (AttentionBackward) -> Void
    /// Numbers that a rank sends for each of its tokens in one layer, forward and backward together; for plans.
    /// - Parameters:
    ///   - width: of a token's queries, all heads of this rank.
    ///   - keyWidth: of its keys, as of its values.
    func sentElements(width: Int, keyWidth: Int) -> Double
}

/// Attention where each rank has all tokens.
public struct WholeAttention: AttentionExchange {
    public init() {}

    public func attend(_ attention: Attention, _ runtime: Runtime) -> (AttentionBackward) -> Void {
        runtime.run(.attention(attention))
        return { runtime.run(.attentionBackward($0)) }
    }

    public func sentElements(width: Int, keyWidth: Int) -> Double { 0 }
}
