// N tokens, k choices of a token, A = N k rows

/// Brings the choices of tokens into the order of what they chose, choices of one group in the order of tokens.
///
/// Choice s of token n gets row `places[n, s]`; row r belongs to token `tokens[r]` and to group `groups[r]`. Rows of
/// one group follow each other, groups ascend.
public struct RowGrouping {
    /// [N, k] int32, each in 0..<groupCount; dense
    public var choices: BufferView
    public var groupCount: Int
    /// [N, k] int32, written; dense
    public var places: BufferView
    /// [A] int32, written; dense
    public var tokens: BufferView
    /// [A] int32, written; dense
    public var groups: BufferView
}
