// N rows, O outputs, I inputs

/// c = a W^T, or c = a W for the gradient of that, with frozen weights in 8 or 4 bits. 2 N O I FLOPs. Weights are decoded
/// by strips of rows that stay in a core's cache, never as a whole.
public struct QuantizedMatmul {
    /// [N, I], or [N, O] when `isBackward`
    public let a: BufferView
    public let weights: QuantizedMatrix
    /// [N, O], or [N, I] when `isBackward`; dense rows
    public let c: BufferView
    /// Whether W is multiplied as it lies instead of transposed.
    public let isBackward: Bool
    /// Whether the product is added to what c holds.
    public let accumulates: Bool

    public init(
        _ a: BufferView, _ weights: QuantizedMatrix, into c: BufferView, isBackward: Bool = false,
        accumulates: Bool = false
    ) {
        let (outputs, inputs) = (weights.rowCount, weights.columnCount)
        let (depth, width) = isBackward ? (outputs, inputs) : (inputs, outputs)
        precondition(
            a.dimCount == 2 && c.dimCount == 2 && a.shape[0] == c.shape[0] && a.shape[1] == depth
                && c.shape[1] == width,
            "quantized matmul: \(a.shape) times weights [\(outputs), \(inputs)]\(isBackward ? "" : " transposed") "
                + "does not give \(c.shape)")
        (self.a, self.weights, self.c) = (a, weights, c)
        (self.isBackward, self.accumulates) = (isBackward, accumulates)
    }
}
