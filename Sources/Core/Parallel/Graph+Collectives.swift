// R ranks of the communicator

/// Exchanges between ranks as operations of a graph, each with the exchange that is its backward. A failure is kept, see
/// `RankLink`.
extension Graph {
    /// The sum of every rank's x, each a part of one result. Backward: every part has the sum's gradient.
    public func summed(_ x: Tensor, over communicator: Communicator) -> Tensor {
        if communicator.rankCount == 1 { return x }
        return record(inputs: [x], outputs: [x.sum(over: communicator)]) { gradients, _ in [gradients[0]] }[0]
    }

    /// x, which is the same on every rank, where each goes on with a part of the work. Backward: the sum of what the
    /// parts say.
    public func shared(_ x: Tensor, over communicator: Communicator) -> Tensor {
        if communicator.rankCount == 1 { return x }
        return record(inputs: [x], outputs: [x.detached]) { gradients, _ in
            [gradients[0].map { $0.sum(over: communicator) }]
        }[0]
    }

    /// x itself. Backward: the gradient times `factor`.
    public func scalingGradient(_ x: Tensor, by factor: Double) -> Tensor {
        if factor == 1 { return x }
        let runtime = runtime
        return record(inputs: [x], outputs: [x.detached]) { gradients, _ in
            guard let gradient = gradients[0]?.contiguous() else { return [nil] }
            let scaled = runtime.empty(gradient.shape, gradient.dtype)
            let program = Program(inputs: 1, scalars: 1) { x, s in [x[0] * s[0]] }
            runtime.run(.map(program, inputs: [gradient.view], outputs: [scaled.view], scalars: [factor]))
            return [scaled]
        }[0]
    }

    /// Every rank's x behind each other along `dim`, where each goes on with a part of the work: [.., n, ..] becomes
    /// [.., R n, ..]. Backward: each rank receives the sum of what the parts say of its own x.
    public func gathered(_ x: Tensor, dim: Int, over communicator: Communicator) -> Tensor {
        if communicator.rankCount == 1 { return x }
        return record(inputs: [x], outputs: [x.gathered(dim: dim, over: communicator)]) { gradients, _ in
            [gradients[0].map { $0.scattered(dim: dim, over: communicator) }]
        }[0]
    }

    /// This rank's part along `dim` of the sum of every rank's x: [.., R n, ..] becomes [.., n, ..]. Backward: the parts'
    /// gradients behind each other.
    public func scattered(_ x: Tensor, dim: Int, over communicator: Communicator) -> Tensor {
        if communicator.rankCount == 1 { return x }
        return record(inputs: [x], outputs: [x.scattered(dim: dim, over: communicator)]) { gradients, _ in
            [gradients[0].map { $0.gathered(dim: dim, over: communicator) }]
        }[0]
    }
}

extension Tensor {
    /// A dense copy, outside any graph.
    private func copied() -> Tensor {
        let copy = runtime.empty(shape, dtype)
        runtime.run(.copy(from: view, to: copy.view))
        return copy
    }

    /// Every rank's values added up, in a tensor of its own.
    fileprivate func sum(over communicator: Communicator) -> Tensor {
        let total = copied()
        communicator.run(.allReduce(total))
        return total
    }

    /// [.., n, ..] of every rank as [.., R n, ..].
    fileprivate func gathered(dim: Int, over communicator: Communicator) -> Tensor {
        let part = contiguous()
        let all = runtime.empty([communicator.rankCount] + shape, dtype)
        communicator.run(.allGather(part, into: all))
        // Ranks are outermost as they arrive, and belong before `dim`.
        let ordered = (0..<dim).reduce(all.view) { $0.transposed($1, $1 + 1) }
        var whole = shape
        whole[dim] *= communicator.rankCount
        return Tensor(ordered, runtime).contiguous().reshaped(to: whole)
    }

    /// This rank's part along `dim` of the sum of every rank's [.., R n, ..].
    fileprivate func scattered(dim: Int, over communicator: Communicator) -> Tensor {
        let ranks = communicator.rankCount
        precondition(shape[dim] % ranks == 0, "scatter: dim \(dim) of \(shape) is not \(ranks) equal parts")
        var part = shape
        part[dim] /= ranks
        let cut = contiguous().view.reshaped(to: shape[..<dim] + [ranks] + part[dim...])
        let ordered = (0..<dim).reversed().reduce(cut) { $0.transposed($1, $1 + 1) }
        let mine = runtime.empty(part, dtype)
        communicator.run(.reduceScatter(Tensor(ordered, runtime).contiguous(), into: mine))
        return mine
    }
}
