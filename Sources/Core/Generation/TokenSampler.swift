internal import Foundation

/// Draws one token from a row of logits, plainly; see `TokenDraw`.
struct TokenSampler {
    private let row: TokenDraw.Row

    init(_ row: TokenDraw.Row) { self.row = row }

    /// - Parameter logits: one per token of the vocabulary.
    func draw(_ logits: ArraySlice<Double>) -> (id: Int32, logProb: Double) {
        let logits = penalised(logits)
        if row.temperature == 0 { return likeliest(logits) }
        let candidates = candidates(logits)
        let largest = candidates.map { logits[$0] }.max() ?? 0
        let weights = candidates.map { exp((logits[$0] - largest) / row.temperature) }
        let total = weights.reduce(0, +)
        var left = row.uniform * total
        // Rounding may leave a crumb after the last candidate of weight.
        var chosen = weights.lastIndex { $0 > 0 } ?? 0
        for (index, weight) in weights.enumerated() {
            left -= weight
            if left < 0 {
                chosen = index
                break
            }
        }
        return (Int32(candidates[chosen]), log(weights[chosen] / total))
    }

    private func penalised(_ logits: ArraySlice<Double>) -> [Double] {
        var logits = Array(logits)
        for id in row.seen {
            let logit = logits[Int(id)]
            logits[Int(id)] = logit < 0 ? logit * row.repetitionPenalty : logit / row.repetitionPenalty
        }
        return logits
    }

    private func likeliest(_ logits: [Double]) -> (id: Int32, logProb: Double) {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        let total = logits.reduce(0) { $0 + exp($1 - logits[best]) }
        return (Int32(best), -log(total))
    }

    /// The tokens that may be drawn: top-k first, top-p of what it left, min-p last.
    private func candidates(_ logits: [Double]) -> [Int] {
        let limit = min(row.topK ?? logits.count, logits.count)
        let (topP, minP) = (row.topP ?? 1, row.minP ?? 0)
        if limit == logits.count, topP == 1, minP == 0 { return Array(logits.indices) }
        // Ties go to the lower token, so that the order is one.
        var kept = Array(logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(limit))
        guard let first = kept.first else { return kept }
        func weight(_ token: Int) -> Double { exp((logits[token] - logits[first]) / row.temperature) }
        if topP < 1 {
            let weights = kept.map(weight)
            let goal = topP * weights.reduce(0, +)
            var (mass, count) = (0.0, 0)
            while mass < goal, count < weights.count {
                mass += weights[count]
                count += 1
            }
            kept.removeLast(kept.count - count)
        }
        return kept.filter { weight($0) >= minP }
    }
}
