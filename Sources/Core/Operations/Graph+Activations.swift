import Foundation
public import Random

/// The activations that model configurations name.
public enum Activation: String, Sendable, Hashable, CaseIterable {
    case silu, gelu, geluTanh, relu

    /// The formula.
    public func callAsFunction(_ x: Symbol) -> Symbol {
        switch self {
        case .silu: x * x.sigmoid
        // Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2: exact, and its tanh form.
        case .gelu: 0.5 * x * (1 + (x / 2.0.squareRoot()).erf)
        case .geluTanh: 0.5 * x * (1 + ((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)).tanh)
        case .relu: maximum(x, x.constant(0))
        }
    }
}

extension Graph {
    /// a + b
    public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
        let runtime = runtime
        let sum = runtime.empty(a.shape, a.dtype)
        runtime.run(
            .map(.addition, inputs: [a.view, b.view.broadcast(to: a.shape)], outputs: [sum.view], scalars: []))
        // Shapes, not tensors: what backward does not read must not be kept alive.
        let (shape, shapeOfB) = (a.shape, b.shape)
        return record(inputs: [a, b], outputs: [sum]) { gradients, wanted in
            guard let dy = gradients[0]?.reshaped(to: shape) else { return [nil, nil] }
            return [dy, wanted[1] ? runtime.summed(dy, to: shapeOfB) : nil]
        }[0]
    }

    /// activation(x)
    public func activation(_ activation: Activation, _ x: Tensor) -> Tensor {
        map(Program(inputs: 1) { x, _ in [activation(x[0])] }, [x])[0]
    }

    /// Zeroes elements with probability `rate` and scales the rest by 1 / (1 - rate); x itself when nothing is recorded.
    ///
    /// Element i draws number `first + i` of `source`, so the same elements fall out under every layout, and again when
    /// a checkpointed block is recomputed.
    public func dropout(_ x: Tensor, rate: Double, source: Philox, first: UInt64 = 0) -> Tensor {
        if rate == 0 { return x }
        let numbers = runtime.empty(x.shape, x.dtype == .bfloat16 ? .float32 : x.dtype)
        runtime.run(.random(source, first: first, numbers.view))
        let program = Program(inputs: 2, scalars: 2) { x, s in
            [select(x[1] < s[0], x[0].constant(0), x[0] * s[1])]
        }
        return map(program, [x, numbers], scalars: [rate, 1 / (1 - rate)])[0]
    }
}
