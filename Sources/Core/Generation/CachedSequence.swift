/// Where the keys and values of one sequence lie in a `KeyValueCache`.
public struct CachedSequence {
    /// The blocks of the tokens, in order. Those of a shared prompt are held by several sequences.
    var blocks: [Int32] = []
    /// How many tokens there are.
    public internal(set) var length = 0

    /// A sequence without tokens.
    public init() {}
}
