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
        let y = x.gathered(dim: dim, over: communicator)
        return record(inputs: [x], outputs: [y]) { [shape = y.shape] gradients, _ in
            [gradients[0].map { $0.reshaped(to: shape).scattered(dim: dim, over: communicator) }]
        }[0]
    }

    /// This rank's part along `dim` of the sum of every rank's x: [.., R n, ..] becomes [.., n, ..]. Backward: the parts'
    /// gradients behind each other.
    public func scattered(_ x: Tensor, dim: Int, over communicator: Communicator) -> Tensor {
        if communicator.rankCount == 1 { return x }
        let y = x.scattered(dim: dim, over: communicator)
        return record(inputs: [x], outputs: [y]) { [shape = y.shape] gradients, _ in
            [gradients[0].map { $0.reshaped(to: shape).gathered(dim: dim, over: communicator) }]
        }[0]
    }

    /// Rows of x go to other ranks, and theirs come, in the order of ranks. Backward: gradients go back the same way.
    /// - Parameters:
    ///   - x: [A, C], those for rank 0 first.
    ///   - sent: how many rows go to each rank, A in all.
    ///   - received: how many come from each, B in all.
    /// - Returns: [B, C]
    public func swappedRows(_ x: Tensor, sent: [Int], received: [Int], over communicator: Communicator) -> Tensor {
        let y = x.swappedRows(sent: sent, received: received, over: communicator)
        return record(inputs: [x], outputs: [y]) { [shape = y.shape] gradients, _ in
            [gradients[0].map {
                $0.reshaped(to: shape).swappedRows(sent: received, received: sent, over: communicator)
            }]
        }[0]
    }

    /// Lists [N] of which every rank has other elements, whole on every rank, which all go on with the same work.
    /// Backward: each rank takes the gradient of its own elements.
    /// - Parameters:
    ///   - lists: [n] each, of one type.
    ///   - places: [n] int32, where they belong in [N].
    ///   - count: N.
    public func assembled(
        _ lists: [Tensor], at places: Tensor, count: Int, over communicator: Communicator
    ) -> [Tensor] {
        guard let first = lists.first, communicator.rankCount > 1 else { return lists }
        let (runtime, places, own) = (runtime, places.detached, [first.elementCount, 1])
        // Each element is one rank's and 0 elsewhere, so their sum is exact.
        let all = runtime.zeros([lists.count, count], first.dtype)
        func list(_ number: Int) -> Tensor {
            Tensor(all.view.sliced(dim: 0, number..<number + 1).reshaped(to: [count, 1]), runtime)
        }
        for (number, values) in lists.enumerated() {
            runtime.run(
                .scatter(
                    source: values.view.reshaped(to: own), indices: places.view, table: list(number).view))
        }
        runtime.exchange(reading: [all.view], writing: [all.view]) { _ in communicator.run(.allReduce(all)) }
        let outputs = lists.indices.map { list($0).reshaped(to: [count]) }
        return record(inputs: lists, outputs: outputs) { gradients, _ in
            gradients.map { gradient in
                guard let gradient else { return nil }
                let part = runtime.empty(own, gradient.dtype)
                runtime.run(
                    .gather(
                        table: gradient.view.reshaped(to: [count, 1]), indices: places.view, output: part.view))
                return part.reshaped(to: [own[0]])
            }
        }
    }
}

extension HeadScores {
    /// The scores of all positions on every rank, from those that each has; see `Graph.assembled`.
    public func assembled(
        _ graph: Graph, at places: Tensor, count: Int, over communicator: Communicator
    ) -> HeadScores {
        let all = graph.assembled(
            [logProb, logSumExp, meanLogProb, entropy], at: places, count: count, over: communicator)
        return HeadScores(logProb: all[0], logSumExp: all[1], meanLogProb: all[2], entropy: all[3])
    }
}

extension Tensor {
    /// A tensor that ranks fill together.
    /// - Parameter body: receives this tensor and the one to fill, as those of the runtime in which it computes.
    private func exchanged(_ shape: [Int], _ body: @escaping (_ x: Tensor, _ result: Tensor) -> Void) -> Tensor {
        let result = runtime.empty(shape, dtype)
        let (from, to) = (view, result.view)
        runtime.exchange(reading: [from], writing: [to]) { body(Tensor(from, $0), Tensor(to, $0)) }
        return result
    }

    /// Rows of this tensor to each rank and theirs to this one, see `Graph.swappedRows`.
    func swappedRows(sent: [Int], received: [Int], over communicator: Communicator) -> Tensor {
        let width = shape.dropFirst().reduce(1, *)
        return exchanged([received.reduce(0, +)] + shape.dropFirst()) { x, y in
            communicator.run(
                .allToAllOfParts(
                    x.contiguous(), sent: sent.map { $0 * width }, into: y, received: received.map { $0 * width }))
        }
    }

    /// Every rank's values added up, in a tensor of its own.
    fileprivate func sum(over communicator: Communicator) -> Tensor {
        exchanged(shape) { x, total in
            x.runtime.run(.copy(from: x.view, to: total.view))
            communicator.run(.allReduce(total))
        }
    }

    /// [.., n, ..] of every rank as [.., R n, ..].
    fileprivate func gathered(dim: Int, over communicator: Communicator) -> Tensor {
        var whole = shape
        whole[dim] *= communicator.rankCount
        return exchanged(whole) { x, whole in
            let all = x.runtime.empty([communicator.rankCount] + x.shape, x.dtype)
            communicator.run(.allGather(x.contiguous(), into: all))
            // Ranks are outermost as they arrive, and belong before `dim`.
            let ordered = (0..<dim).reduce(all.view) { $0.transposed($1, $1 + 1) }
            x.runtime.run(.copy(from: ordered, to: whole.view.reshaped(to: ordered.shape)))
        }
    }

    /// This rank's part along `dim` of the sum of every rank's [.., R n, ..].
    fileprivate func scattered(dim: Int, over communicator: Communicator) -> Tensor {
        let ranks = communicator.rankCount
        precondition(shape[dim] % ranks == 0, "scatter: dim \(dim) of \(shape) is not \(ranks) equal parts")
        var part = shape
        part[dim] /= ranks
        return exchanged(part) { [part] x, mine in
            let cut = x.contiguous().view.reshaped(to: x.shape[..<dim] + [ranks] + part[dim...])
            let ordered = (0..<dim).reversed().reduce(cut) { $0.transposed($1, $1 + 1) }
            communicator.run(.reduceScatter(Tensor(ordered, x.runtime).contiguous(), into: mine))
        }
    }
}
