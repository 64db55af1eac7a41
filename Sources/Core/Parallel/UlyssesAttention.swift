// B batch, T tokens of a rank, H heads, K key/value heads, D head size, c ranks, h = H / c, m key/value heads of a rank

/// Attention over rows of which each rank holds consecutive tokens: each rank receives all tokens of some heads, does
/// their attention, and sends the results back (Jacobs et al., "DeepSpeed Ulysses", 2023, arXiv 2309.14509,
/// section 3.2).
///
/// B T (h + 2 m) D elements go to each other rank and B T h D come back, as many again backward. Key/value heads that
/// several ranks' queries read are sent to each of them.
public struct UlyssesAttention: AttentionExchange {
    private let ranks: Communicator

    /// - Parameter ranks: those that hold parts of the same rows, in the order of the tokens.
    public init(_ ranks: Communicator) { self.ranks = ranks }

    public func attend(_ attention: Attention, _ runtime: Runtime) -> (AttentionBackward) -> Void {
        let ranks = ranks
        let inner = Pass(attention, runtime, ranks).inner()
        let inputs = [attention.q, attention.k, attention.v] + (attention.documentStart.map { [$0] } ?? [])
        let kept = [inner.q, inner.out, inner.logSumExp] + (inner.documentStart.map { [$0] } ?? [])
        runtime.exchange(reading: inputs, writing: kept + [attention.out]) {
            Pass(attention, $0, ranks).forward(inner)
        }
        return { backward in
            runtime.exchange(
                reading: kept + [backward.dout], writing: [backward.dq, backward.dk, backward.dv]
            ) { Pass(attention, $0, ranks).backward(backward, inner) }
        }
    }

    public func sentElements(width: Int, keyWidth: Int) -> Double {
        Double(2 * (2 * width + 2 * keyWidth) * (ranks.rankCount - 1)) / Double(ranks.rankCount)
    }
}

extension UlyssesAttention {
    /// The attention of one layer.
    private struct Pass {
        private let attention: Attention
        private let runtime: Runtime
        private let ranks: Communicator

        init(_ attention: Attention, _ runtime: Runtime, _ ranks: Communicator) {
            let heads = attention.q.shape[2]
            precondition(
                attention.queryStart == nil && attention.q.shape[1] == attention.k.shape[1]
                    && heads % ranks.rankCount == 0,
                "ulysses attention: \(heads) heads over \(ranks.rankCount) ranks, queries \(attention.q.shape), keys "
                    + "\(attention.k.shape)")
            (self.attention, self.runtime, self.ranks) = (attention, runtime, ranks)
        }

        /// Memory for the attention over all tokens of this rank's heads; queries, keys and values are side by side.
        func inner() -> Attention {
            let (shape, values) = (attention.q.shape, headCount + keyHeadCount)
            let (rows, tokens) = (shape[0], shape[1] * ranks.rankCount)
            let x = runtime.empty([rows, tokens, values + keyHeadCount, shape[3]], attention.q.dtype).view
            return Attention(
                q: x.sliced(dim: 2, 0..<headCount), k: x.sliced(dim: 2, headCount..<values),
                v: x.sliced(dim: 2, values..<values + keyHeadCount),
                out: runtime.empty([rows, tokens, headCount, shape[3]], attention.out.dtype).view,
                logSumExp: runtime.empty([rows, headCount, tokens], attention.logSumExp.dtype).view,
                scale: attention.scale, window: attention.window,
                documentStart: attention.documentStart.map { _ in runtime.empty([rows, tokens], .int32).view })
        }

        func forward(_ inner: Attention) {
            let parts = empty(headCount + 2 * keyHeadCount)
            for rank in 0..<ranks.rankCount { eachPart(rank, parts) { runtime.run(.copy(from: $0, to: $1)) } }
            let x = allTokens(swapped(parts)).view
            var first = 0
            for part in [inner.q, inner.k, inner.v] {
                runtime.run(.copy(from: x.sliced(dim: 2, first..<first + part.shape[2]), to: part))
                first += part.shape[2]
            }
            gatherDocumentStarts(inner)
            runtime.run(.attention(inner))
            let results = swapped(ownTokens(inner.out))
            for rank in 0..<ranks.rankCount {
                runtime.run(
                    .copy(from: part(results, rank), to: attention.out.sliced(dim: 2, heads(ofRank: rank))))
            }
        }

        func backward(_ backward: AttentionBackward, _ inner: Attention) {
            let douts = empty(headCount)
            for rank in 0..<ranks.rankCount {
                runtime.run(
                    .copy(from: backward.dout.sliced(dim: 2, heads(ofRank: rank)), to: part(douts, rank)))
            }
            let dout = allTokens(swapped(douts))
            let values = headCount + keyHeadCount
            let dx = runtime.empty([dout.shape[0], dout.shape[1], values + keyHeadCount, dout.shape[3]], dout.dtype)
            runtime.run(
                .attentionBackward(
                    AttentionBackward(
                        forward: inner, dout: dout.view, dq: dx.view.sliced(dim: 2, 0..<headCount),
                        dk: dx.view.sliced(dim: 2, headCount..<values),
                        dv: dx.view.sliced(dim: 2, values..<values + keyHeadCount))))
            let gradients = swapped(ownTokens(dx.view))
            // Several ranks may have read a key/value head.
            let kept = attention.logSumExp.dtype
            let sums = [attention.q, attention.k, attention.v].map { runtime.zeros($0.shape, kept) }
            for rank in 0..<ranks.rankCount {
                eachPart(rank, gradients, of: sums.map(\.view)) { sum, part in
                    runtime.run(.map(.addition, inputs: [sum, part], outputs: [sum], scalars: []))
                }
            }
            for (sum, target) in zip(sums, [backward.dq, backward.dk, backward.dv]) {
                runtime.run(.copy(from: sum.view, to: target))
            }
        }

        // MARK: heads

        /// h
        private var headCount: Int { attention.q.shape[2] / ranks.rankCount }
        /// m
        private var keyHeadCount: Int { keyHeads(ofRank: 0).count }

        private func heads(ofRank rank: Int) -> Range<Int> { rank * headCount..<(rank + 1) * headCount }

        /// The key/value heads that a rank's queries read, in their order: one for each query's where groups do not end
        /// with ranks.
        private func keyHeads(ofRank rank: Int) -> [Int] {
            let group = attention.q.shape[2] / attention.k.shape[2]
            let read = heads(ofRank: rank).map { $0 / group }
            if headCount % group != 0 && group % headCount != 0 { return read }
            return Array(read[0]...read[headCount - 1])
        }

        /// Calls `body` with the queries, keys and values of a rank's heads, or what else lies like them, and their
        /// places in its part [B, T, h + 2 m, D].
        private func eachPart(
            _ rank: Int, _ parts: Tensor, of whole: [BufferView]? = nil, _ body: (BufferView, BufferView) -> Void
        ) {
            let (whole, part) = (whole ?? [attention.q, attention.k, attention.v], part(parts, rank))
            body(whole[0].sliced(dim: 2, heads(ofRank: rank)), part.sliced(dim: 2, 0..<headCount))
            for (place, head) in keyHeads(ofRank: rank).enumerated() {
                for number in 0..<2 {
                    let place = headCount + number * keyHeadCount + place
                    body(whole[1 + number].sliced(dim: 2, head..<head + 1), part.sliced(dim: 2, place..<place + 1))
                }
            }
        }

        // MARK: ranks

        /// [c, B, T, count, D]: a part for each rank.
        private func empty(_ count: Int) -> Tensor {
            let shape = attention.q.shape
            return runtime.empty([ranks.rankCount, shape[0], shape[1], count, shape[3]], attention.q.dtype)
        }

        private func part(_ parts: Tensor, _ rank: Int) -> BufferView {
            parts.view.sliced(dim: 0, rank..<rank + 1).reshaped(to: Array(parts.shape.dropFirst()))
        }

        /// Everyone's part for this rank, in the order of ranks.
        private func swapped(_ parts: Tensor) -> Tensor {
            let arrived = runtime.empty(parts.shape, parts.dtype)
            ranks.run(.allToAll(parts, into: arrived))
            return arrived
        }

        /// [c, B, T, ..] as rows of all tokens, [B, c T, ..].
        private func allTokens(_ parts: Tensor) -> Tensor {
            Tensor(parts.view.transposed(0, 1), runtime).contiguous()
                .reshaped(to: [parts.shape[1], parts.shape[0] * parts.shape[2]] + parts.shape[3...])
        }

        /// [B, c T, ..] as a part for each rank, [c, B, T, ..].
        private func ownTokens(_ rows: BufferView) -> Tensor {
            let count = ranks.rankCount
            let cut = rows.reshaped(to: [rows.shape[0], count, rows.shape[1] / count] + rows.shape[2...])
            return Tensor(cut.transposed(0, 1), runtime).contiguous()
        }

        private func gatherDocumentStarts(_ inner: Attention) {
            guard let own = attention.documentStart, let whole = inner.documentStart else { return }
            let starts = Tensor(own, runtime).contiguous()
            let all = runtime.empty([ranks.rankCount] + starts.shape, starts.dtype)
            ranks.run(.allGather(starts, into: all))
            runtime.run(.copy(from: allTokens(all).view, to: whole))
        }
    }
}
