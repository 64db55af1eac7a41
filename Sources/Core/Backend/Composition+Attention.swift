// B batch, T tokens, S keys, H heads, K key/value heads, G = H / K queries' heads of one, D head size

extension Composition {
    func attention(_ attention: Attention) {
        let program = Program(inputs: 3, scalars: 1) { x, scale in
            let score = visible(x, x[0] * scale[0], else: -.infinity)
            // A query that sees nothing has weights of 0; else the largest exponential is 1.
            let largest = maximum(score.rowMax, score.constant(-Double(Float.greatestFiniteMagnitude)))
            let exponential = (score - largest).exp
            let total = exponential.rowSum
            return [exponential / maximum(total, total.constant(1)), largest + total.log]
        }
        let weights = overKeys(attention, program, outputs: [perQuery(attention.logSumExp, attention)])
        let out = grouped(attention.out, attention)
        runtime.run(.matmul(Matmul(weights.view, spread(attention.v, attention), into: out)))
    }

    /// With p = exp(scale q k^T - logSumExp) and dp = dout v^T: ds = scale * p * (dp - sum(dout * out)), dq = ds k,
    /// dk = ds^T q, dv = p^T dout, the last two summed over the heads of a group.
    func attentionBackward(_ backward: AttentionBackward) {
        let attention = backward.forward
        let probability = Program(inputs: 4, scalars: 1) { x, scale in
            [visible(x, (x[0] * scale[0] - x[3]).exp, else: 0)]
        }
        let p = overKeys(attention, probability, inputs: [perQuery(attention.logSumExp, attention)])
        let dout = grouped(backward.dout, attention)
        let delta = runtime.empty(Array(p.shape.dropLast()) + [1], p.dtype)
        let dot = Program(inputs: 2) { x, _ in [(x[0] * x[1]).rowSum] }
        runtime.run(.map(dot, inputs: [grouped(attention.out, attention), dout], outputs: [delta.view], scalars: []))
        let dp = runtime.empty(p.shape, p.dtype)
        runtime.run(.matmul(Matmul(dout, spread(attention.v, attention).transposed(3, 4), into: dp.view)))
        let program = Program(inputs: 3, scalars: 1) { x, scale in [scale[0] * x[0] * (x[1] - x[2])] }
        runtime.run(
            .map(
                program, inputs: [p.view, dp.view, delta.view], outputs: [dp.view], scalars: [attention.scale]))
        runtime.run(.matmul(Matmul(dp.view, spread(attention.k, attention), into: grouped(backward.dq, attention))))
        sumOverGroup(dp.view.transposed(3, 4), grouped(attention.q, attention), into: backward.dk)
        sumOverGroup(p.view.transposed(3, 4), dout, into: backward.dv)
    }

    /// A program over q k^T, the last and the first key that each query sees, and `inputs`; its first output, in place,
    /// [B, K, G, T, S].
    private func overKeys(
        _ attention: Attention, _ program: Program, inputs: [BufferView] = [], outputs: [BufferView] = []
    ) -> Tensor {
        let (q, k) = (attention.q, attention.k)
        let (batch, tokens, heads) = (q.shape[0], q.shape[1], q.shape[2])
        let (keys, kvHeads) = (k.shape[1], k.shape[2])
        let shape = [batch, kvHeads, heads / kvHeads, tokens, keys]
        let scores = runtime.empty(shape, attention.logSumExp.dtype)
        runtime.run(.matmul(Matmul(grouped(q, attention), spread(k, attention).transposed(3, 4), into: scores.view)))

        let (last, first) = visibleKeys(attention)
        let rows = [last, first].map {
            BufferView(
                buffer: $0.view.buffer, shape: [batch, kvHeads, heads / kvHeads, tokens, 1],
                strides: [tokens, 0, 0, 1, 0], dtype: .int32)
        }
        runtime.run(
            .map(
                program, inputs: [scores.view] + rows + inputs, outputs: [scores.view] + outputs,
                scalars: [attention.scale]))
        return scores
    }

    /// `value` where the key is visible; x as in `overKeys`.
    private func visible(_ x: [Symbol], _ value: Symbol, else hidden: Double) -> Symbol {
        let (last, first, none) = (x[1], x[2], x[0].constant(hidden))
        return select(last < last.column, none, select(last.column < first, none, value))
    }

    /// [B, H, T] seen as [B, K, G, T, 1].
    private func perQuery(_ view: BufferView, _ attention: Attention) -> BufferView {
        let kvHeads = attention.k.shape[2]
        let group = view.shape[1] / kvHeads
        return BufferView(
            buffer: view.buffer, offset: view.offset, shape: [view.shape[0], kvHeads, group, view.shape[2], 1],
            strides: [view.strides[0], view.strides[1] * group, view.strides[1], view.strides[2], 0],
            dtype: view.dtype)
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
