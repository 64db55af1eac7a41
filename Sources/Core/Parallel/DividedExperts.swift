// E experts, R ranks, A rows of this rank's tokens, B rows for its experts, C width

/// Experts of which each rank has E / R, numbers that follow each other, and serves the tokens of all (Lepikhin et al.,
/// "GShard", 2020, arXiv 2006.16668, section 3.2), without a capacity beyond which tokens are dropped.
///
/// A C (R - 1) / R elements go out and come back where experts are chosen evenly, as many again backward.
public struct DividedExperts: ExpertExchange {
    private let ranks: Communicator
    private let experts: Range<Int>

    /// - Parameters:
    ///   - ranks: those that divide the experts, which read different samples.
    ///   - expertCount: E, a multiple of R.
    public init(_ ranks: Communicator, expertCount: Int) {
        precondition(
            expertCount % ranks.rankCount == 0, "experts: \(expertCount) over \(ranks.rankCount) ranks, expected equal parts")
        let count = expertCount / ranks.rankCount
        self.ranks = ranks
        experts = ranks.rank * count..<(ranks.rank + 1) * count
    }

    public func holds(_ expert: Int) -> Bool { experts.contains(expert) }

    public func serve(
        _ graph: Graph, _ rows: Tensor, _ experts: Tensor, by body: (_ rows: Tensor, _ experts: Tensor) -> Tensor
    ) -> Tensor {
        let (sent, received) = counts(experts)
        let arrived = graph.swappedRows(rows, sent: sent, received: received, over: ranks)
        let routes = TokenRoutes(
            numbers(experts.swappedRows(sent: sent, received: received, over: ranks)), expertCount: self.experts.count)
        let results = body(graph.dispatch(arrived, routes), routes.experts)
        // Back to the order in which they have come.
        let runtime = results.runtime
        let ones = runtime.full(routes.choices.shape, results.dtype == .float64 ? .float64 : .float32, 1)
        let back = graph.combine(results, weights: ones, routes)
        return graph.swappedRows(back, sent: received, received: sent, over: ranks)
    }

    /// How many rows go to each rank, and how many come from each.
    private func counts(_ experts: Tensor) -> (sent: [Int], received: [Int]) {
        var sent = [Int32](repeating: 0, count: ranks.rankCount)
        for expert in experts.int32s() { sent[Int(expert) / self.experts.count] += 1 }
        let one = [Int](repeating: 1, count: ranks.rankCount)
        let arrived = experts.runtime.tensor(sent, [ranks.rankCount]).swappedRows(sent: one, received: one, over: ranks)
        // What a failed exchange should have brought is undefined, here and below.
        let received = arrived.int32s().map { ranks.link.failure == nil ? Int($0) : 0 }
        return (sent.map(Int.init), received)
    }

    /// The numbers of experts counted from this rank's first one, [B, 1] int32.
    private func numbers(_ experts: Tensor) -> Tensor {
        let numbers = experts.int32s().map { min(max($0 - Int32(self.experts.lowerBound), 0), Int32(self.experts.count - 1)) }
        return experts.runtime.tensor(numbers, [numbers.count, 1])
    }
}
