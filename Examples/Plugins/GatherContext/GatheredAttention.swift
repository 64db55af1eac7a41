// B rows, T tokens of a rank, K key/value heads, D head size, c ranks

import Core

/// Attention of this rank's queries over the keys and values of whole rows.
struct GatheredAttention: AttentionExchange {
    let ranks: Communicator

    func attend(_ attention: Attention, _ runtime: Runtime) -> (AttentionBackward) -> Void {
        let ranks = ranks
        var shape = attention.k.shape
        let first = ranks.rank * shape[1]
        shape[1] *= ranks.rankCount
        let (k, v) = (runtime.empty(shape, attention.k.dtype), runtime.empty(shape, attention.v.dtype))
        // Between ranks things go through `exchange`, so that recomputation in backward repeats none of it.
        runtime.exchange(reading: [attention.k, attention.v], writing: [k.view, v.view]) { runtime in
            gather(attention.k, into: k, runtime)
            gather(attention.v, into: v, runtime)
        }
        var whole = attention
        (whole.k, whole.v) = (k.view, v.view)
        whole.queryStart = runtime.full([1], .int32, Double(first)).view.broadcast(to: [shape[0]])
        runtime.run(.attention(whole))
        return { [whole] backward in
            let (dk, dv) = (runtime.empty(shape, k.dtype), runtime.empty(shape, v.dtype))
            runtime.run(
                .attentionBackward(
                    AttentionBackward(
                        forward: whole, dout: backward.dout, dq: backward.dq, dk: dk.view, dv: dv.view)))
            runtime.exchange(reading: [dk.view, dv.view], writing: [backward.dk, backward.dv]) { runtime in
                scatter(dk, into: backward.dk, runtime)
                scatter(dv, into: backward.dv, runtime)
            }
        }
    }

    /// Keys and values forward, their gradients backward, each to the c - 1 others.
    func sentElements(width: Int, keyWidth: Int) -> Double { Double(2 * 2 * (ranks.rankCount - 1) * keyWidth) }

    /// [B, T, K, D] of every rank behind each other along T.
    private func gather(_ x: BufferView, into whole: Tensor, _ runtime: Runtime) {
        let all = runtime.empty([ranks.rankCount] + x.shape, x.dtype)
        ranks.run(.allGather(Tensor(x, runtime).contiguous(), into: all))
        runtime.run(.copy(from: all.view.transposed(0, 1), to: byRank(whole.view)))
    }

    /// Everyone's sum for this rank's own tokens.
    private func scatter(_ whole: Tensor, into x: BufferView, _ runtime: Runtime) {
        let sum = runtime.empty(x.shape, x.dtype)
        ranks.run(.reduceScatter(Tensor(byRank(whole.view).transposed(0, 1), runtime).contiguous(), into: sum))
        runtime.run(.copy(from: sum.view, to: x))
    }

    /// [B, c T, K, D] as [B, c, T, K, D].
    private func byRank(_ whole: BufferView) -> BufferView {
        let shape = whole.shape
        return whole.reshaped(to: [shape[0], ranks.rankCount, shape[1] / ranks.rankCount] + shape[2...])
    }
}
