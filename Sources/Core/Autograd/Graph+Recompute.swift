extension Graph {
    /// Runs `body` without keeping all of what it computes inside, and runs it again in backward as far as needed
    /// (activation checkpointing, Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv 1604.06174;
    /// with a strategy: Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models", 2022,
    /// arXiv 2205.05198, section 5).
    ///
    /// Gradients are those of the body itself, bit for bit: randomness is keyed by position, so the second run draws
    /// the same numbers, and kept results stand in for operations on the same inputs.
    /// - Parameters:
    ///   - inputs: what `body` reads; they are kept.
    ///   - strategy: what else is kept.
    ///   - body: must be a function of its inputs and of parameters only, and do the same work each time.
    public func recomputed(
        _ inputs: [Tensor], _ strategy: Recomputation = .everything, _ body: @escaping (Graph, [Tensor]) -> [Tensor]
    ) -> [Tensor] {
        guard isRecording else { return body(self, inputs) }
        let runtime = runtime
        let saved = inputs.map(\.detached)
        let (work, outputs) = Graph.keep(saved, runtime, strategy, body)
        // The second run yields both kinds of gradient at once, and is made by whichever is asked for first: where no
        // input is part of the graph, only the weights' are.
        var found: [Tensor?]?
        func runAgain(_ gradients: [Tensor?]) -> [Tensor?] {
            if let found { return found }
            let inputGradients = Graph.replay(work, saved, runtime, gradients, body)
            found = inputGradients
            return inputGradients
        }
        return record(inputs: inputs, outputs: outputs, weightGradients: { _ = runAgain($0) }) { gradients, _ in
            runAgain(gradients)
        }
    }

    /// The first run. It records as the second will, so that both do the same work.
    private static func keep(
        _ inputs: [Tensor], _ runtime: Runtime, _ strategy: Recomputation, _ body: (Graph, [Tensor]) -> [Tensor]
    ) -> (KeptWork, [Tensor]) {
        let backend = KeepingBackend(runtime, strategy)
        let graph = Graph(runtime.over(backend), recording: true)
        let outputs = body(graph, graph.asLeaves(inputs))
        backend.finish(outputs)
        return (backend.work, outputs.map { Tensor($0.view, runtime) })
    }

    /// The second run, and backward through it; returns the gradients of the inputs.
    private static func replay(
        _ work: KeptWork, _ inputs: [Tensor], _ runtime: Runtime, _ gradients: [Tensor?],
        _ body: (Graph, [Tensor]) -> [Tensor]
    ) -> [Tensor?] {
        let backend = ReplayBackend(runtime, work)
        let graph = Graph(runtime.over(backend), recording: true)
        let leaves = graph.asLeaves(inputs)
        let outputs = body(graph, leaves)
        backend.finishForward()
        graph.backward(
            from: zip(outputs, gradients).compactMap { output, gradient in gradient.map { (output, gradient: $0) } })
        return leaves.map { leaf in graph.gradient(of: leaf).map { Tensor($0.view, runtime) } }
    }

    /// The tensors as this graph's own: those that can have gradients are leaves.
    private func asLeaves(_ tensors: [Tensor]) -> [Tensor] {
        tensors.map { $0.dtype.isFloatingPoint ? leaf($0) : Tensor($0.view, runtime) }
    }
}
