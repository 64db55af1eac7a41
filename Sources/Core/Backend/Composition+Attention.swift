// B batch, T tokens, S keys, H heads, K key/value heads, G = H / K queries' heads of one, D head size

extension Composition {
    func attention(_ attention: Attention) {
        let weights = probabilities(attention, logSumExp: attention.logSumExp)
        let out = grouped(attention.out, attention)
        runtime.run(.matmul(Matmul(weights.view, spread(attention.v, attention), into: out)))
    }

    /// With p the probabilities and dp = dout v^T: ds = scale * p * (dp - sum(p * dp)), dq = ds k, dk = ds^T q,
    /// dv = p^T dout, the last two summed over the heads of a group.
    func attentionBackward(_ backward: AttentionBackward) {
        let attention = backward.forward
        let kept = runtime.empty(attention.logSumExp.shape, attention.logSumExp.dtype)
        let p = probabilities(attention, logSumExp: kept.view)
        let dout = grouped(backward.dout, attention)
        let dp = runtime.empty(p.shape, p.dtype)
        runtime.run(.matmul(Matmul(dout, spread(attention.v, attention).transposed(3, 4), into: dp.view)))
        let program = Program(inputs: 2, scalars: 1) { x, scale in
            [scale[0] * x[0] * (x[1] - (x[0] * x[1]).rowSum)]
        }
        runtime.run(
            .map(program, inputs: [p.view, dp.view], outputs: [dp.view], scalars: [attention.scale]))
        runtime.run(.matmul(Matmul(dp.view, spread(attention.k, attention), into: grouped(backward.dq, attention))))
        sumOverGroup(dp.view.transposed(3, 4), grouped(attention.q, attention), into: backward.dk)
        sumOverGroup(p.view.transposed(3, 4), dout, into: backward.dv)
    }

    /// softmax(scale * q k^T) over visible keys, [B, K, G, T, S].
    private func probabilities(_ attention: Attention, logSumExp: BufferView) -> Tensor {
        let (q, k) = (attention.q, attention.k)
        let (batch, tokens, heads) = (q.shape[0], q.shape[1], q.shape[2])
        let (keys, kvHeads) = (k.shape[1], k.shape[2])
        let shape = [batch, kvHeads, heads / kvHeads, tokens, keys]
        let scores = runtime.empty(shape, logSumExp.dtype)
        runtime.run(.matmul(Matmul(grouped(q, attention), spread(k, attention).transposed(3, 4), into: scores.view)))

        let (last, first) = visibleKeys(attention)
        let rows = [last, first].map {
            BufferView(
                buffer: $0.view.buffer, shape: [batch, kvHeads, heads / kvHeads, tokens, 1],
                strides: [tokens, 0, 0, 1, 0], dtype: .int32)
        }
        let program = Program(inputs: 3, scalars: 1) { x, scale in
            let hidden = x[0].constant(-.infinity)
            let (last, first) = (x[1], x[2])
            let score = select(last < last.column, hidden, select(last.column < first, hidden, x[0] * scale[0]))
            let largest = score.rowMax
            let exponential = (score - largest).exp
            let total = exponential.rowSum
            return [exponential / total, largest + total.log]
        }
        let kept = BufferView(
            buffer: logSumExp.buffer, offset: logSumExp.offset, shape: Array(shape.dropLast()) + [1],
            strides: [
                logSumExp.strides[0], logSumExp.strides[1] * shape[2], logSumExp.strides[1], logSumExp.strides[2], 0,
            ], dtype: logSumExp.dtype)
        runtime.run(
            .map(
                program, inputs: [scores.view] + rows, outputs: [scores.view, kept], scalars: [attention.scale]))
        return scores
    }

    /// The last and first key index that each query sees, [B, T] int32 each.
    private func visibleKeys(_ attention: Attention) -> (last: Tensor, first: Tensor) {
        let shape = [attention.q.shape[0], attention.q.shape[1]]
        let start = attention.queryStart.map { column($0).broadcast(to: shape) }
            ?? runtime.full([1, 1], .int32, Double(attention.k.shape[1] - shape[1])).view.broadcast(to: shape)
        let document = attention.documentStart ?? runtime.zeros([1, 1], .int32).view.broadcast(to: shape)
        let window = Double(attention.window ?? Int(Int32.max))
        let program = Program(inputs: 2) { x, _ in
            let last = x[0] + x[0].column
            return [last, maximum(x[1], last - (window - 1))]
        }
        let (last, first) = (runtime.empty(shape, .int32), runtime.empty(shape, .int32))
        runtime.run(.map(program, inputs: [start, document], outputs: [last.view, first.view], scalars: []))
        return (last, first)
    }

    /// [B, T, H, D] seen as [B, K, G, T, D].
    private func grouped(_ view: BufferView, _ attention: Attention) -> BufferView {
        let kvHeads = attention.k.shape[2]
        let group = view.shape[2] / kvHeads
        return BufferView(
            buffer: view.buffer, offset: view.offset,
            shape: [view.shape[0], kvHeads, group, view.shape[1], view.shape[3]],
            strides: [view.strides[0], view.strides[2] * group, view.strides[2], view.strides[1], view.strides[3]],
            dtype: view.dtype)
    }

    /// [B, S, K, D] seen as [B, K, G, S, D], repeated over the group.
    private func spread(_ view: BufferView, _ attention: Attention) -> BufferView {
        BufferView(
            buffer: view.buffer, offset: view.offset,
            shape: [
                view.shape[0], view.shape[2], attention.q.shape[2] / view.shape[2], view.shape[1], view.shape[3],
            ],
            strides: [view.strides[0], view.strides[2], 0, view.strides[1], view.strides[3]], dtype: view.dtype)
    }

    /// target [B, S, K, D] = the product [B, K, G, S, D] summed over G.
    private func sumOverGroup(_ a: BufferView, _ b: BufferView, into target: BufferView) {
        let shape = Array(a.shape.dropLast()) + [b.shape[4]]
        let product = runtime.empty(shape, target.dtype == .bfloat16 ? .float32 : target.dtype)
        runtime.run(.matmul(Matmul(a, b, into: product.view)))
        let output = BufferView(
            buffer: target.buffer, offset: target.offset, shape: [shape[0], shape[1], 1, shape[3], shape[4]],
            strides: [target.strides[0], target.strides[2], 0, target.strides[1], target.strides[3]],
            dtype: target.dtype)
        runtime.run(.sum(product.view, into: output, accumulate: false))
    }
}
