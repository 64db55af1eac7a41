// B batch, T tokens, S keys, H heads, K key/value heads, D head size

/// Which keys a query sees, beside causality.
public struct AttentionMask {
    /// How many latest keys are seen; nil = all.
    public var window: Int?
    /// [B] int32, the absolute position of each sequence's first query; nil = S - T.
    public var queryStart: Tensor?
    /// [B, T] int32, the first key of each query's document; nil = 0.
    public var documentStart: Tensor?

    public init(window: Int? = nil, queryStart: Tensor? = nil, documentStart: Tensor? = nil) {
        self.window = window
        self.queryStart = queryStart
        self.documentStart = documentStart
    }
}

/// The angles by which queries and keys are turned.
public struct Rotation {
    /// [P, R/2] of each position and pair of dims
    public var cosine: Tensor
    public var sine: Tensor
    /// [B, T] int32
    public var positions: Tensor

    public init(cosine: Tensor, sine: Tensor, positions: Tensor) {
        (self.cosine, self.sine, self.positions) = (cosine, sine, positions)
    }

    fileprivate func operation(from x: BufferView, to y: BufferView, inverse: Bool) -> Rotary {
        Rotary(x: x, y: y, cosine: cosine.view, sine: sine.view, positions: positions.view, inverse: inverse)
    }
}

extension Graph {
    /// Causal softmax attention; see `Attention` for the formula. q [B, T, H, D], k and v [B, S, K, D]; result
    /// [B, T, H, D]. About 4 B H T S D FLOPs forward (half of it when causal), 2.5 times that backward.
    /// - Parameter exchange: how ranks that hold parts of the tokens do it together.
    public func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, mask: AttentionMask = AttentionMask(),
        exchange: any AttentionExchange = WholeAttention()
    ) -> Tensor {
        let runtime = runtime
        precondition(
            q.dimCount == 4 && k.shape == v.shape && k.shape[0] == q.shape[0] && q.shape[2] % k.shape[2] == 0
                && q.shape[3] == k.shape[3],
            "attention: q \(q.shape) does not fit k \(k.shape) and v \(v.shape)")
        let forward = attention(q, k, v, scale, mask)
        let runBackward = exchange.attend(forward, runtime)
        return record(inputs: [q, k, v], outputs: [Tensor(forward.out, runtime)]) { gradients, _ in
            guard let dout = gradients[0]?.reshaped(to: q.shape) else { return [nil, nil, nil] }
            let (dq, dk, dv) = (
                runtime.empty(q.shape, q.dtype), runtime.empty(k.shape, k.dtype), runtime.empty(v.shape, v.dtype)
            )
            runBackward(
                AttentionBackward(forward: forward, dout: dout.view, dq: dq.view, dk: dk.view, dv: dv.view))
            return [dq, dk, dv]
        }[0]
    }

    /// Attention within x [B, T, H + 2 K, D], the heads of queries, keys and values side by side; result [B, T, H, D].
    /// - Parameter rotation: turns queries and keys first, within x: nothing else may read x then.
    public func attention(
        sideBySide x: Tensor, keyValueHeads: Int, scale: Double, mask: AttentionMask = AttentionMask(),
        rotation: Rotation? = nil, exchange: any AttentionExchange = WholeAttention()
    ) -> Tensor {
        let runtime = runtime
        let heads = x.shape[2] - 2 * keyValueHeads
        precondition(
            x.dimCount == 4 && heads > 0 && heads % keyValueHeads == 0,
            "attention: \(x.shape) does not hold the heads of queries beside 2 times \(keyValueHeads)")
        func parts(_ x: Tensor) -> [BufferView] {
            let values = heads + keyValueHeads
            return [0..<heads, heads..<values, values..<values + keyValueHeads].map { x.view.sliced(dim: 2, $0) }
        }
        let saved = x.detached
        func rotate(_ x: Tensor, inverse: Bool) {
            guard let rotation else { return }
            let turned = x.view.sliced(dim: 2, 0..<heads + keyValueHeads)
            runtime.run(.rotary(rotation.operation(from: turned, to: turned, inverse: inverse)))
        }
        rotate(saved, inverse: false)
        let inputs = parts(saved).map { Tensor($0, runtime) }
        let forward = attention(inputs[0], inputs[1], inputs[2], scale, mask)
        let runBackward = exchange.attend(forward, runtime)
        return record(inputs: [x], outputs: [Tensor(forward.out, runtime)]) { gradients, _ in
            guard let dout = gradients[0]?.reshaped(to: forward.out.shape) else { return [nil] }
            let dx = runtime.empty(saved.shape, saved.dtype)
            let gradients = parts(dx)
            runBackward(
                AttentionBackward(
                    forward: forward, dout: dout.view, dq: gradients[0], dk: gradients[1], dv: gradients[2]))
            rotate(dx, inverse: true)
            return [dx]
        }[0]
    }

    /// With memory for what it writes.
    private func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Double, _ mask: AttentionMask
    ) -> Attention {
        let kept: DType = q.dtype == .bfloat16 ? .float32 : q.dtype
        return Attention(
            q: q.view, k: k.view, v: v.view, out: runtime.empty(q.shape, q.dtype).view,
            logSumExp: runtime.empty([q.shape[0], q.shape[2], q.shape[1]], kept).view, scale: scale,
            window: mask.window, queryStart: mask.queryStart?.view, documentStart: mask.documentStart?.view)
    }

    /// Rotates queries or keys by their positions; see `Rotary`. x [B, T, H, D], tables [P, R/2], positions [B, T].
    public func rotary(_ x: Tensor, cosine: Tensor, sine: Tensor, positions: Tensor) -> Tensor {
        let runtime = runtime
        let rotation = Rotation(cosine: cosine, sine: sine, positions: positions)
        let y = runtime.empty(x.shape, x.dtype)
        runtime.run(.rotary(rotation.operation(from: x.view, to: y.view, inverse: false)))
        let (shape, dtype) = (x.shape, x.dtype)
        return record(inputs: [x], outputs: [y]) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: shape) else { return [nil] }
            let dx = runtime.empty(shape, dtype)
            runtime.run(.rotary(rotation.operation(from: dy.view, to: dx.view, inverse: true)))
            return [dx]
        }[0]
    }

    /// Consecutive parts of the last dim, e.g. q, k and v of one fused projection.
    public func split(_ x: Tensor, into sizes: [Int]) -> [Tensor] {
        let runtime = runtime
        let dim = x.dimCount - 1
        precondition(sizes.reduce(0, +) == x.shape[dim], "split: \(sizes) do not add up to dim \(dim) of \(x.shape)")
        var start = 0
        let ranges = sizes.map { size -> Range<Int> in
            defer { start += size }
            return start..<start + size
        }
        let parts = ranges.map { Tensor(x.view.sliced(dim: dim, $0), runtime).contiguous() }
        let (shape, dtype) = (x.shape, x.dtype)
        return record(inputs: [x], outputs: parts) { gradients, _ in
            let dx = runtime.empty(shape, dtype)
            for (range, gradient) in zip(ranges, gradients) {
                let target = dx.view.sliced(dim: dim, range)
                if let gradient {
                    runtime.run(.copy(from: gradient.reshaped(to: target.shape).view, to: target))
                } else {
                    runtime.run(.fill(target, value: 0))
                }
            }
            return [dx]
        }
    }
}
