// B batch, T tokens

/// Tokens as a decoder reads them.
public struct TokenBatch {
    /// [B, T] int32
    public let ids: Tensor
    /// [B, T] int32: each token's place in its document, which its position embedding is taken at.
    public let positions: Tensor
    /// [B, T] int32: the index in its row at which each token's document starts; nil = one document a row.
    public let documentStart: Tensor?

    public init(ids: Tensor, positions: Tensor, documentStart: Tensor? = nil) {
        precondition(
            ids.dimCount == 2 && positions.shape == ids.shape && (documentStart.map { $0.shape == ids.shape } ?? true),
            "token batch: ids \(ids.shape), positions \(positions.shape), document starts \(documentStart?.shape ?? [])")
        self.ids = ids
        self.positions = positions
        self.documentStart = documentStart
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
