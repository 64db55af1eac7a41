// I inputs, O outputs, B batch, T tokens

extension Linear {
    /// The outputs of several layers of one input side by side, as one product; nil when gradients are recorded or the
    /// weights do not lie next to each other. Those of one block do, in the order of their declaration.
    /// - Parameter x: [B, T, I].
    static func joined(_ layers: [Linear], _ graph: Graph, _ x: Tensor) -> Tensor? {
        guard !graph.isRecording, let weight = joinedWeight(layers) else { return nil }
        let rows = x.elementCount / x.shape[2]
        let y = graph.runtime.empty([x.shape[0], x.shape[1], weight.shape[0]], x.dtype)
        graph.runtime.run(
            .matmul(
                Matmul(
                    x.contiguous().reshaped(to: [rows, x.shape[2]]).view, weight.transposed(0, 1),
                    into: y.view.reshaped(to: [rows, weight.shape[0]]))))
        return y
    }

    /// [O1 + O2 + ..., I] over all weights.
    private static func joinedWeight(_ layers: [Linear]) -> BufferView? {
        let views = layers.map(\.weight.compute.view)
        guard let first = views.first else { return nil }
        var (end, outputs) = (first.offset, 0)
        for (layer, view) in zip(layers, views) {
            guard layer.bias == nil, !layer.isTransposed, view.isContiguous, view.buffer === first.buffer,
                view.dtype == first.dtype, view.offset == end, view.shape[1] == first.shape[1]
            else { return nil }
            end += view.elementCount
            outputs += view.shape[0]
        }
        return BufferView(
            buffer: first.buffer, offset: first.offset, shape: [outputs, first.shape[1]], dtype: first.dtype)
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
