// B batch, T tokens

/// Tokens as a decoder reads them.
public struct TokenBatch {
    /// [B, T] int32
    public let ids: Tensor
    /// [B, T] int32: each token's place in its document, which its position embedding is taken at.
    public let positions: Tensor
    /// [B, T] int32: the index in its row at which each token's document starts; nil = one document a row.
    public let documentStart: Tensor?
    /// [B, T] int32: 0 for tokens that only fill a row, else 1; nil = all count.
    public let counted: Tensor?
    /// Tokens that count, of all ranks that have parts of the rows.
    public let tokenCount: Int

    /// - Parameters:
    ///   - ids: and the others: see the properties.
    ///   - tokenCount: nil = all.
    public init(
        ids: Tensor, positions: Tensor, documentStart: Tensor? = nil, counted: Tensor? = nil, tokenCount: Int? = nil
    ) {
        precondition(
            ids.dimCount == 2 && positions.shape == ids.shape && (documentStart.map { $0.shape == ids.shape } ?? true),
            "token batch: ids \(ids.shape), positions \(positions.shape), document starts \(documentStart?.shape ?? [])")
        self.ids = ids
        self.positions = positions
        self.documentStart = documentStart
        self.counted = counted
        self.tokenCount = tokenCount ?? ids.elementCount
    }

    /// Rows of one document each, positions counted from 0.
    /// - Parameter rows: token ids, all rows of one length.
    public init(_ rows: [[Int32]], _ runtime: Runtime) {
        let width = rows.first?.count ?? 0
        let positions = rows.flatMap { _ in (0..<width).map(Int32.init) }
        self.init(
            ids: runtime.tensor(rows.flatMap { $0 }, [rows.count, width]),
            positions: runtime.tensor(positions, [rows.count, width]))
    }
}
