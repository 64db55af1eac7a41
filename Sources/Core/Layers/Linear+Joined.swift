// I inputs, O outputs, B batch, T tokens

extension Linear {
    /// Several layers of one input as one, whose outputs lie side by side: one product instead of several, also for the
    /// gradients. Nil unless their weights (and gradients) lie next to each other, which those of one block and group
    /// do in the order of their declaration, and none has a bias.
    static func joining(_ layers: [Linear]) -> Linear? {
        let weights = layers.map(\.weight)
        guard layers.allSatisfy({ $0.bias == nil && !$0.isTransposed }), let value = joined(weights.map(\.value)),
            let compute = joined(weights.map(\.compute))
        else { return nil }
        let gradients = weights.compactMap(\.gradient)
        let gradient = joined(gradients)
        guard gradients.isEmpty || (gradients.count == weights.count && gradient != nil) else { return nil }
        let name = weights.map(\.name).joined(separator: "+")
        return Linear(Parameter(name: name, value: value, gradient: gradient, compute: compute))
    }

    private init(_ weight: Parameter) {
        self.weight = weight
        bias = nil
        isTransposed = false
    }

    /// [O1 + O2 + ..., I] over all of [O1, I], [O2, I], ...; nil when they do not follow each other.
    private static func joined(_ tensors: [Tensor]) -> Tensor? {
        guard let first = tensors.first else { return nil }
        var (end, outputs) = (first.view.offset, 0)
        for view in tensors.map(\.view) {
            guard view.isContiguous, view.buffer === first.view.buffer, view.dtype == first.dtype, view.offset == end,
                view.shape[1] == first.shape[1]
            else { return nil }
            end += view.elementCount
            outputs += view.shape[0]
        }
        let view = BufferView(
            buffer: first.view.buffer, offset: first.view.offset, shape: [outputs, first.shape[1]], dtype: first.dtype)
        return Tensor(view, first.runtime)
    }

    /// residual += layer(x), in place, where nothing is recorded. x [B, T, I], residual [B, T, O] dense.
    func add(_ graph: Graph, _ x: Tensor, to residual: Tensor) {
        precondition(!graph.isRecording, "linear \(weight.name): added in place while gradients are recorded")
        let runtime = graph.runtime
        let (rows, outputs) = (x.shape[0] * x.shape[1], residual.shape[2])
        let w = isTransposed ? weight.compute.view : weight.compute.view.transposed(0, 1)
        let sum = residual.view.reshaped(to: [rows, outputs])
        runtime.run(
            .matmul(Matmul(x.contiguous().reshaped(to: [rows, x.shape[2]]).view, w, into: sum, beta: 1)))
        if let bias {
            runtime.run(
                .map(
                    .addition, inputs: [sum, bias.compute.view.broadcast(to: sum.shape)], outputs: [sum], scalars: []))
        }
    }
}
