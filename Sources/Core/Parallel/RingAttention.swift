// B batch, T tokens of a rank, n tokens of a chunk, H heads, K key/value heads, D head size, c ranks

/// Attention over rows of which each rank holds chunks of tokens: keys and values travel round, each rank adds up what
/// its queries see of those that come by (Liu et al., "Ring Attention with Blockwise Transformers for Near-Infinite
/// Context", 2023, arXiv 2310.01889, algorithm 1).
///
/// 2 B T K D elements are sent at each of c - 1 steps, while the attention of the step before runs; twice that
/// backward, where gradients of keys and values travel with them.
public struct RingAttention: AttentionExchange {
    private let ranks: Communicator
    private let chunks: [[Int]]

    /// - Parameters:
    ///   - ranks: those that hold parts of the same rows.
    ///   - chunks: see `TokenCut`.
    public init(_ ranks: Communicator, chunks: [[Int]]) {
        precondition(
            chunks.count == ranks.rankCount && chunks.allSatisfy { $0.count == chunks[0].count },
            "ring attention: chunks \(chunks) for \(ranks.rankCount) ranks")
        (self.ranks, self.chunks) = (ranks, chunks)
    }

    public func attend(_ attention: Attention, _ runtime: Runtime) -> (AttentionBackward) -> Void {
        let (ranks, chunks) = (ranks, chunks)
        let inputs = [attention.q, attention.k, attention.v] + (attention.documentStart.map { [$0] } ?? [])
        let results = [attention.out, attention.logSumExp]
        runtime.exchange(reading: inputs, writing: results) { Pass(attention, $0, ranks, chunks).forward() }
        return { backward in
            runtime.exchange(
                reading: inputs + results + [backward.dout], writing: [backward.dq, backward.dk, backward.dv]
            ) { Pass(attention, $0, ranks, chunks).backward(backward) }
        }
    }

    public func sentElements(width: Int, keyWidth: Int) -> Double { Double(3 * 2 * (ranks.rankCount - 1) * keyWidth) }
}

extension RingAttention {
    /// The attention of one layer.
    private struct Pass {
        private let attention: Attention
        private let runtime: Runtime
        private let ranks: Communicator
        private let chunks: [[Int]]
        /// n
        private let size: Int

        /// Keys and values travel under one channel, their gradients under the other.
        private enum Channel: Int32 {
            case keys = 1
            case gradients
        }

        /// A chunk of queries and one of keys, which some of the queries see.
        private struct Pair {
            /// Places of the tokens among those of their ranks.
            let queries: Range<Int>
            let keys: Range<Int>
            /// Of the first query and the first key in the row.
            let firstQuery: Int
            let firstKey: Int
        }

        init(_ attention: Attention, _ runtime: Runtime, _ ranks: Communicator, _ chunks: [[Int]]) {
            precondition(
                attention.queryStart == nil && attention.q.shape[1] == attention.k.shape[1]
                    && attention.q.shape[1] % chunks[0].count == 0,
                "ring attention: queries \(attention.q.shape) and keys \(attention.k.shape) are not the same chunks")
            (self.attention, self.runtime, self.ranks, self.chunks) = (attention, runtime, ranks, chunks)
            size = attention.q.shape[1] / chunks[0].count
        }

        /// Sums over chunks of keys are merged by their log-sum-exp as they come by, in float32 or wider.
        func forward() {
            let kept = attention.logSumExp.dtype
            let out = runtime.zeros(attention.out.shape, kept)
            runtime.run(.fill(attention.logSumExp, value: -.infinity))
            let found = (runtime.empty(chunkShape, kept), runtime.empty(sumShape, kept))
            eachStep { owner, keys in
                for pair in pairs(owner) {
                    let part = self.part(pair, keys, out: found.0.view, logSumExp: found.1.view)
                    runtime.run(.attention(part))
                    merge(part, into: out.view.sliced(dim: 1, pair.queries), pair.queries)
                }
            }
            runtime.run(.copy(from: out.view, to: attention.out))
        }

        /// Each part's gradients with the log-sum-exp of the whole; those of keys and values go on to the rank that has
        /// the keys next, and at last to the one they belong to.
        func backward(_ backward: AttentionBackward) {
            let whole = backward.forward
            let kept = attention.logSumExp.dtype
            let dq = runtime.zeros(whole.q.shape, kept)
            let found = (0..<3).map { runtime.empty($0 == 0 ? chunkShape : keyChunkShape, kept) }
            var arriving: (Tensor, PendingCollective)?
            var sent: [PendingCollective] = []
            eachStep { owner, keys in
                let gradients = runtime.zeros(travelShape, kept)
                for pair in pairs(owner) {
                    let part = self.part(
                        pair, keys, out: whole.out.sliced(dim: 1, pair.queries),
                        logSumExp: whole.logSumExp.sliced(dim: 2, pair.queries))
                    runtime.run(
                        .attentionBackward(
                            AttentionBackward(
                                forward: part, dout: backward.dout.sliced(dim: 1, pair.queries), dq: found[0].view,
                                dk: found[1].view, dv: found[2].view)))
                    add(found[0].view, to: dq.view.sliced(dim: 1, pair.queries))
                    for number in 0..<2 {
                        add(found[1 + number].view, to: travelling(gradients, number).sliced(dim: 1, pair.keys))
                    }
                }
                if let (earlier, pending) = arriving {
                    pending.finish()
                    add(earlier.view, to: gradients.view)
                }
                sent.append(send(gradients, .gradients))
                let next = runtime.empty(travelShape, kept)
                arriving = (next, receive(next, .gradients))
            }
            guard let (own, pending) = arriving else { return }
            pending.finish()
            for message in sent { message.finish() }
            for (target, source) in [
                (backward.dq, dq.view), (backward.dk, travelling(own, 0)), (backward.dv, travelling(own, 1)),
            ] { runtime.run(.copy(from: source, to: target)) }
        }

        // MARK: travelling

        /// Keys and values, or their gradients: [2, B, T, K, D].
        private var travelShape: [Int] { [2] + attention.k.shape }
        private var chunkShape: [Int] { [attention.q.shape[0], size, attention.q.shape[2], attention.q.shape[3]] }
        private var keyChunkShape: [Int] { [attention.k.shape[0], size, attention.k.shape[2], attention.k.shape[3]] }
        private var sumShape: [Int] { [attention.q.shape[0], attention.q.shape[2], size] }

        /// [B, T, K, D] of both.
        private func travelling(_ both: Tensor, _ number: Int) -> BufferView {
            both.view.sliced(dim: 0, number..<number + 1).reshaped(to: attention.k.shape)
        }

        /// Calls `body` with each rank's keys and values, beginning with this one's.
        private func eachStep(_ body: (_ owner: Int, _ keys: Tensor) -> Void) {
            var keys = runtime.empty(travelShape, attention.k.dtype)
            runtime.run(.copy(from: attention.k, to: travelling(keys, 0)))
            runtime.run(.copy(from: attention.v, to: travelling(keys, 1)))
            for step in 0..<ranks.rankCount {
                let owner = (ranks.rank - step + ranks.rankCount) % ranks.rankCount
                if step == ranks.rankCount - 1 { return body(owner, keys) }
                let next = runtime.empty(keys.shape, keys.dtype)
                let (arriving, leaving) = (receive(next, .keys), send(keys, .keys))
                body(owner, keys)
                // A message may be taken from where it lies, and is only by a rank that waits for it.
                arriving.finish()
                leaving.finish()
                keys = next
            }
        }

        private func send(_ x: Tensor, _ channel: Channel) -> PendingCollective {
            ranks.start(.send(x, to: (ranks.rank + 1) % ranks.rankCount, channel: channel.rawValue))
        }

        private func receive(_ x: Tensor, _ channel: Channel) -> PendingCollective {
            let previous = (ranks.rank + ranks.rankCount - 1) % ranks.rankCount
            return ranks.start(.receive(x, from: previous, channel: channel.rawValue))
        }

        // MARK: parts

        /// This rank's chunks with those of another that they see.
        private func pairs(_ owner: Int) -> [Pair] {
            chunks[ranks.rank].enumerated().flatMap { place, chunk in
                chunks[owner].enumerated().compactMap { otherPlace, other in
                    let nearest = (chunk - other) * size - (size - 1)
                    if other > chunk || nearest >= (attention.window ?? .max) { return nil }
                    return Pair(
                        queries: place * size..<(place + 1) * size, keys: otherPlace * size..<(otherPlace + 1) * size,
                        firstQuery: chunk * size, firstKey: other * size)
                }
            }
        }

        /// The attention of a pair: keys are counted from the first of the chunk.
        private func part(_ pair: Pair, _ keys: Tensor, out: BufferView, logSumExp: BufferView) -> Attention {
            let rows = attention.q.shape[0]
            let start = runtime.full([1], .int32, Double(pair.firstQuery - pair.firstKey)).view
            let document = attention.documentStart.map { starts -> BufferView in
                let starts = starts.sliced(dim: 1, pair.queries)
                let counted = runtime.empty(starts.shape, .int32)
                let program = Program(inputs: 1, scalars: 1) { x, first in [x[0] - first[0]] }
                runtime.run(.map(program, inputs: [starts], outputs: [counted.view], scalars: [Double(pair.firstKey)]))
                return counted.view
            }
            return Attention(
                q: attention.q.sliced(dim: 1, pair.queries), k: travelling(keys, 0).sliced(dim: 1, pair.keys),
                v: travelling(keys, 1).sliced(dim: 1, pair.keys), out: out, logSumExp: logSumExp,
                scale: attention.scale, window: attention.window, queryStart: start.broadcast(to: [rows]), documentStart: document)
        }

        /// Takes a part's result into that of those before it: o = sum of e^(l_i - l) o_i, l = log of the sum of e^(l_i).
        private func merge(_ part: Attention, into out: BufferView, _ queries: Range<Int>) {
            let sums = attention.logSumExp.sliced(dim: 2, queries)
            let program = Program(inputs: 4) { x, _ in
                // Not -infinity, of which differences are no numbers: a query may have seen nothing yet.
                let top = maximum(maximum(x[2], x[3]), x[2].constant(-Double(Float.greatestFiniteMagnitude)))
                let (scale, partScale) = ((x[2] - top).exp, (x[3] - top).exp)
                let total = scale + partScale
                return [(x[0] * scale + x[1] * partScale) / maximum(total, total.constant(1)), top + total.log]
            }
            let (all, own) = (perToken(sums), perToken(part.logSumExp))
            runtime.run(.map(program, inputs: [out, part.out, all, own], outputs: [out, all], scalars: []))
        }

        /// [B, H, n] seen as [B, n, H, 1].
        private func perToken(_ sums: BufferView) -> BufferView {
            BufferView(
                buffer: sums.buffer, offset: sums.offset, shape: [sums.shape[0], sums.shape[2], sums.shape[1], 1],
                strides: [sums.strides[0], sums.strides[2], sums.strides[1], 0], dtype: sums.dtype)
        }

        private func add(_ x: BufferView, to sum: BufferView) {
            runtime.run(.map(.addition, inputs: [sum, x], outputs: [sum], scalars: []))
        }
    }
}
