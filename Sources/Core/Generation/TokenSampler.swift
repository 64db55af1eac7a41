internal import Foundation
internal import Random

/// Draws one token from a row of logits, on the host.
struct TokenSampler {
    private let request: GenerationRequest
    private let source: Philox

    init(_ request: GenerationRequest) {
        self.request = request
        source = Philox(seed: request.seed, stream: "generate/\(request.index)")
    }

    /// - Parameters:
    ///   - logits: one per token of the vocabulary.
    ///   - position: the place that the token will have in its sequence.
    func draw(_ logits: ArraySlice<Float>, position: Int) -> (id: Int32, logProb: Double) {
        if request.temperature == 0 { return likeliest(logits) }
        let candidates = candidates(logits)
        let largest = candidates.map { logits[$0] }.max() ?? 0
        let weights = candidates.map { exp(Double(logits[$0] - largest) / request.temperature) }
        let total = weights.reduce(0, +)
        var left = source.uniform(at: UInt64(position)) * total
        // Rounding may leave a crumb after the last candidate of weight.
        var chosen = weights.lastIndex { $0 > 0 } ?? 0
        for (index, weight) in weights.enumerated() {
            left -= weight
            if left < 0 {
                chosen = index
                break
            }
        }
        return (Int32(candidates[chosen] - logits.startIndex), log(weights[chosen] / total))
    }

    private func likeliest(_ logits: ArraySlice<Float>) -> (id: Int32, logProb: Double) {
        var best = logits.startIndex
        for index in logits.indices where logits[index] > logits[best] { best = index }
        let total = logits.reduce(0) { $0 + exp(Double($1 - logits[best])) }
        return (Int32(best - logits.startIndex), -log(total))
    }

    /// Indices of the tokens that may be drawn: top-k first, top-p of what it left.
    private func candidates(_ logits: ArraySlice<Float>) -> [Int] {
        let limit = min(request.topK ?? logits.count, logits.count)
        let isWhole = (request.topP ?? 1) == 1
        if limit == logits.count, isWhole { return Array(logits.indices) }
        // Ties go to the lower token, so that the order is one.
        let kept = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }.prefix(limit)
        guard let topP = request.topP, !isWhole, let first = kept.first else { return Array(kept) }
        let weights = kept.map { exp(Double(logits[$0] - logits[first]) / request.temperature) }
        let goal = topP * weights.reduce(0, +)
        var (mass, count) = (0.0, 0)
        while mass < goal, count < weights.count {
            mass += weights[count]
            count += 1
        }
        return Array(kept.prefix(count))
    }
}
