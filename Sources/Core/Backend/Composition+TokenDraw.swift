// N rows, V vocabulary

extension Composition {
    /// Sorting is no composition of primitives: rows are drawn on the host, in float64.
    func drawTokens(_ draw: TokenDraw) {
        let vocabulary = draw.logits.shape[1]
        let logits = Tensor(draw.logits, runtime).doubles()
        let drawn = draw.rows.enumerated().map { index, row in
            TokenSampler(row).draw(logits[index * vocabulary..<(index + 1) * vocabulary])
        }
        runtime.run(.copy(from: runtime.tensor(drawn.map(\.id), [drawn.count]).view, to: draw.ids))
        runtime.run(.copy(from: runtime.tensor(drawn.map(\.logProb), [drawn.count]).view, to: draw.logProbs))
    }
}
