// N rows, I inputs, O outputs

extension Graph {
    /// y = x W^T + b with frozen weights in 8 or 4 bits. x [..., I], W [O, I], b [O]; y [..., O].
    /// 2 N I O FLOPs; dx = dy W, db += sum dy; the weights have no gradient.
    public func quantizedLinear(_ x: Tensor, _ weights: QuantizedMatrix, bias: Parameter? = nil) -> Tensor {
        let runtime = runtime
        let (inputs, outputs) = (weights.columnCount, weights.rowCount)
        precondition(
            x.shape.last == inputs,
            "quantized linear: dim \(x.dimCount - 1) of x \(x.shape) is not \(inputs), the weights are "
                + "[\(outputs), \(inputs)]")
        let shape = x.shape
        let rows = x.elementCount / inputs
        let flat = x.contiguous().reshaped(to: [rows, inputs])
        let y = runtime.empty([rows, outputs], x.dtype)
        if let bias {
            runtime.run(.copy(from: bias.compute.view.broadcast(to: y.shape), to: y.view))
        }
        runtime.run(.quantizedMatmul(QuantizedMatmul(flat.view, weights, into: y.view, accumulates: bias != nil)))

        let biasGradient: WeightGradients? = bias?.gradient.map { db in
            { gradients in
                guard let dy = gradients[0]?.reshaped(to: [rows, outputs]) else { return }
                runtime.run(.sum(dy.view, into: db.view.reshaped(to: [1, outputs]), accumulate: true))
            }
        }
        let output = record(inputs: [x], outputs: [y], weightGradients: biasGradient) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: [rows, outputs]) else { return [nil] }
            let dx = runtime.empty([rows, inputs], dy.dtype)
            runtime.run(.quantizedMatmul(QuantizedMatmul(dy.view, weights, into: dx.view, isBackward: true)))
            return [dx.reshaped(to: shape)]
        }
        return output[0].reshaped(to: shape.dropLast() + [outputs])
    }
}
