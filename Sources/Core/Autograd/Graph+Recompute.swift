extension Graph {
    /// Runs `body` without keeping what it computes inside, and runs it again in backward (activation checkpointing,
    /// Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv 1604.06174).
    ///
    /// Randomness is keyed by position, so the second run draws the same numbers.
    /// - Parameters:
    ///   - inputs: what `body` reads.
    ///   - body: must be a function of its inputs and of parameters only.
    public func recomputed(_ inputs: [Tensor], _ body: @escaping (Graph, [Tensor]) -> [Tensor]) -> [Tensor] {
        let saved = inputs.map(\.detached)
        let outputs = body(Graph(runtime, recording: false), saved)
        guard isRecording else { return outputs }
        let runtime = runtime
        // The second run yields both kinds of gradient at once, and is made by whichever is asked for first: where no
        // input is part of the graph, only the weights' are.
        var found: [Tensor?]?
        func runAgain(_ gradients: [Tensor?]) -> [Tensor?] {
            if let found { return found }
            let inner = Graph(runtime, recording: true)
            let leaves = saved.map { $0.dtype.isFloatingPoint ? inner.leaf($0) : $0 }
            let seeds = zip(body(inner, leaves), gradients).compactMap { output, gradient in
                gradient.map { (output, gradient: $0) }
            }
            inner.backward(from: seeds)
            let inputGradients = leaves.map { inner.gradient(of: $0) }
            found = inputGradients
            return inputGradients
        }
        return record(inputs: inputs, outputs: outputs, weightGradients: { _ = runAgain($0) }) { gradients, _ in
            runAgain(gradients)
        }
    }
}
