// N tokens, k experts of a token, A = N k rows, C width, I inputs, O outputs, E experts

/// Dispatch, products and combination of a mixture of experts. What a token receives depends on the token alone: rows
/// are neither padded nor dropped, and their sums are taken in the order of its choices.
extension Graph {
    /// The row of each token for each of its experts, sorted by expert: x [N, C]; result [A, C].
    /// Backward sums what came of a token's rows, dx[n] = sum over s of dy[places[n, s]].
    public func dispatch(_ x: Tensor, _ routes: TokenRoutes) -> Tensor {
        precondition(x.shape[0] == routes.tokenCount, "dispatch: \(x.shape) are not \(routes.tokenCount) tokens")
        let runtime = runtime
        let saved = save(x)
        let shape = x.shape
        return record(
            inputs: [x], outputs: [routes.byRow(x)], remaking: { [routes.byRow(saved())] }
        ) { gradients, _ in
            guard let dy = gradients[0] else { return [nil] }
            let parts = routes.byToken(dy.reshaped(to: [routes.tokens.elementCount, shape[1]]))
            let dx = runtime.empty([shape[0], 1, shape[1]], dy.dtype)
            runtime.run(.map(.sum(of: parts.shape[1]), inputs: parts.view.slots, outputs: [dx.view], scalars: []))
            return [dx]
        }[0]
    }

    /// y[r] = x[r] W[experts[r]]^T: x [A, I], a weight [O, I] for each expert; result [A, O]. 2 A I O FLOPs;
    /// dx[r] = dy[r] W[experts[r]], dW[e] += sum over rows r of expert e of dy[r]^T x[r].
    /// - Parameters:
    ///   - weights: all of one shape.
    ///   - experts: [A] int32; fastest when rows of one expert follow each other.
    public func linear(_ x: Tensor, _ weights: [Parameter], experts: Tensor) -> Tensor {
        let outputs = weights.first?.shape[0] ?? 0
        precondition(
            experts.shape == [x.shape[0]] && weights.allSatisfy { $0.shape == [outputs, x.shape[1]] },
            "linear: weights \(weights.map(\.shape)) and experts \(experts.shape) do not fit rows \(x.shape)")
        let runtime = runtime
        let saved = save(x)
        let y = runtime.empty([x.shape[0], outputs], x.dtype)
        func multiply(_ a: Tensor, into c: Tensor, _ matrix: (Parameter) -> BufferView) {
            runtime.run(.groupedMatmul(GroupedMatmul(a.view, weights.map(matrix), groups: experts.view, into: c.view)))
        }
        multiply(x.contiguous(), into: y) { $0.compute.view.transposed(0, 1) }

        let (shape, outputShape) = (x.shape, y.shape)
        return record(
            inputs: [x], outputs: [y],
            weightGradients: !weights.contains(where: \.isTrained) ? nil : { gradients in
                guard let dy = gradients[0]?.reshaped(to: outputShape) else { return }
                runtime.run(
                    .groupedOuterProduct(
                        GroupedOuterProduct(
                            dy.view, saved().view, groups: experts.view, into: weights.map { $0.gradient?.view })))
            }
        ) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: outputShape) else { return [nil] }
            let dx = runtime.empty(shape, dy.dtype)
            multiply(dy, into: dx) { $0.compute.view }
            return [dx]
        }[0]
    }

    /// y[n] = sum over s of weights[n, s] rows[places[n, s]], added up in float32 or wider: rows [A, C], weights [N, k];
    /// result [N, C]. Backward: drows[r] = weights of r * dy of its token, dweights[n, s] = dy[n] . rows[places[n, s]].
    public func combine(_ rows: Tensor, weights: Tensor, _ routes: TokenRoutes) -> Tensor {
        precondition(
            rows.shape[0] == routes.tokens.elementCount && weights.shape == routes.choices.shape,
            "combine: rows \(rows.shape) and weights \(weights.shape) do not fit choices \(routes.choices.shape)")
        let runtime = runtime
        let (count, width) = (routes.tokenCount, rows.shape[1])
        let (saved, savedWeights) = (save(rows), save(weights))
        let y = runtime.empty([count, 1, width], rows.dtype)
        runtime.run(
            .map(
                .weightedSum(of: routes.expertsPerToken),
                inputs: routes.byToken(rows.contiguous()).view.slots
                    + weights.contiguous().reshaped(to: weights.shape + [1]).view.slots,
                outputs: [y.view], scalars: []))
        return record(inputs: [rows, weights], outputs: [y.reshaped(to: [count, width])]) { gradients, wanted in
            guard let dy = gradients[0]?.reshaped(to: [count, width]) else { return [nil, nil] }
            var found: [Tensor?] = [nil, nil]
            if wanted[0] {
                let drows = routes.byRow(dy)
                runtime.run(
                    .map(
                        .product, inputs: [drows.view, routes.byRow(choices: savedWeights()).view],
                        outputs: [drows.view], scalars: []))
                found[0] = drows
            }
            if wanted[1] {
                let parts = routes.byToken(saved())
                let dweights = runtime.empty(routes.choices.shape + [1], savedWeights().dtype)
                let dot = Program(inputs: 2) { x, _ in [(x[0] * x[1]).rowSum] }
                let repeated = dy.reshaped(to: [count, 1, width]).view.broadcast(to: parts.shape)
                runtime.run(.map(dot, inputs: [parts.view, repeated], outputs: [dweights.view], scalars: []))
                found[1] = dweights
            }
            return found
        }[0]
    }

    /// The sum of the rows: x [N, C]; result [1, C]. Backward gives each row the sum's gradient.
    func total(_ x: Tensor) -> Tensor {
        let runtime = runtime
        let y = runtime.empty([1, x.shape[1]], x.dtype)
        runtime.run(.sum(x.view, into: y.view, accumulate: false))
        let shape = x.shape
        return record(inputs: [x], outputs: [y]) { gradients, _ in
            guard let dy = gradients[0]?.reshaped(to: [1, shape[1]]) else { return [nil] }
            let dx = runtime.empty(shape, dy.dtype)
            runtime.run(.copy(from: dy.view.broadcast(to: shape), to: dx.view))
            return [dx]
        }[0]
    }
}

extension BufferView {
    /// [N, k, C] as k views [N, 1, C].
    fileprivate var slots: [BufferView] { (0..<shape[1]).map { sliced(dim: 1, $0..<$0 + 1) } }
}

extension Program {
    /// a * b
    fileprivate static let product = Program(inputs: 2) { x, _ in [x[0] * x[1]] }

    /// The sum of `count` inputs, in order.
    fileprivate static func sum(of count: Int) -> Program {
        Program(inputs: count) { x, _ in [x.dropFirst().reduce(x[0], +)] }
    }

    /// The sum of `count` inputs, in order, each times its weight; the weights follow the inputs.
    fileprivate static func weightedSum(of count: Int) -> Program {
        Program(inputs: 2 * count) { x, _ in
            [(1..<count).reduce(x[0] * x[count]) { $0 + x[$1] * x[count + $1] }]
        }
    }
}
