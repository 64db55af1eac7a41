// N rows, F hidden features

extension Graph {
    /// activation(gate) * up: SwiGLU with `.silu` (Shazeer 2020, arXiv 2002.05202, eq. 6). Both of one shape.
    public func gated(_ activation: Activation, gate: Tensor, up: Tensor) -> Tensor {
        precondition(gate.shape == up.shape, "gated: gate \(gate.shape) and up \(up.shape) differ")
        let rows = [gate.elementCount / max(gate.shape.last ?? 1, 1), gate.shape.last ?? 1]
        let unit = GatedUnit(
            activation: activation, gate: gate.contiguous().reshaped(to: rows).view,
            up: up.contiguous().reshaped(to: rows).view, runtime: runtime)
        let shape = gate.shape
        return record(inputs: [gate, up], outputs: [unit.output()], remaking: { [unit.output()] }) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: rows) else { return [nil, nil] }
            let (dgate, dup) = (unit.runtime.empty(rows, dy.dtype), unit.runtime.empty(rows, dy.dtype))
            unit.writeGradients(dy, gate: dgate.view, up: dup.view)
            return [dgate.reshaped(to: shape), dup.reshaped(to: shape)]
        }[0].reshaped(to: shape)
    }

    /// `gated` of the halves of the last dim: x [..., 2 F], gate and up side by side; result [..., F].
    public func gated(_ activation: Activation, halves x: Tensor) -> Tensor {
        let runtime = runtime
        let width = (x.shape.last ?? 0) / 2
        precondition(x.shape.last == 2 * width, "gated: the last dim of \(x.shape) has no halves")
        let rows = [x.elementCount / max(2 * width, 1), 2 * width]
        func halves(_ x: Tensor) -> (gate: BufferView, up: BufferView) {
            let view = x.reshaped(to: rows).view
            return (view.sliced(dim: 1, 0..<width), view.sliced(dim: 1, width..<2 * width))
        }
        let (gate, up) = halves(x.contiguous())
        let unit = GatedUnit(activation: activation, gate: gate, up: up, runtime: runtime)
        let shape = x.shape
        return record(inputs: [x], outputs: [unit.output()], remaking: { [unit.output()] }) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: gate.shape) else { return [nil] }
            let dx = runtime.empty(shape, dy.dtype)
            let parts = halves(dx)
            unit.writeGradients(dy, gate: parts.gate, up: parts.up)
            return [dx]
        }[0].reshaped(to: shape.dropLast() + [width])
    }
}

/// activation(gate) * up, where gate and up [N, F] lie.
private struct GatedUnit {
    let activation: Activation
    let gate: BufferView
    let up: BufferView
    let runtime: Runtime

    /// [N, F]
    func output() -> Tensor {
        let y = runtime.empty(gate.shape, gate.dtype)
        runtime.run(
            activation == .silu
                ? .swiglu(Swiglu(gate: gate, up: up, y: y.view))
                : .map(activation.gating, inputs: [gate, up], outputs: [y.view], scalars: []))
        return y
    }

    /// Writes the gradients [N, F] of gate and up for dy [N, F].
    func writeGradients(_ dy: Tensor, gate dgate: BufferView, up dup: BufferView) {
        runtime.run(
            activation == .silu
                ? .swigluBackward(SwigluBackward(gate: gate, up: up, dy: dy.view, dgate: dgate, dup: dup))
                : .map(activation.gatingGradient, inputs: [gate, up, dy.view], outputs: [dgate, dup], scalars: []))
    }
}

extension Activation {
    /// activation(gate) * up of two inputs.
    var gating: Program { Program(inputs: 2) { x, _ in [self(x[0]) * x[1]] } }

    /// The gradients of `gating` by its inputs; the third input is that of its output.
    var gatingGradient: Program { gating.gradient(for: [0, 1], rowOutputs: [], rowInputs: []) }
}
