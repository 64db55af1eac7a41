// N rows, V' tokens of a block of the vocabulary

extension Composition {
    func tokenScores(_ scoring: TokenScoring) {
        let block = scoring.block
        if let weights = scoring.weights {
            let program = Program(inputs: 1) { x, _ in
                let largest = LogitSums.largest(x[0])
                return [(x[0] - largest).exp, largest]
            }
            runtime.run(
                .map(
                    program, inputs: [block.logits], outputs: [weights.values, column(weights.tops)], scalars: []))
        }
        guard let sums = scoring.sums.map(LogitSums.views)?.map(column) else { return }
        let program = Program(inputs: 7, scalars: 1) { x, first in
            let logits = CappedLogits(x[0], cap: block.softcap)
            let isTarget = x[0].column == x[1] - first[0]
            return LogitSums(rows: x[2..<7]).merging(LogitSums(block: logits.capped, isTarget: isTarget)).rows
        }
        runtime.run(
            .map(
                program, inputs: [block.logits, column(block.targets)] + sums, outputs: sums,
                scalars: [Double(block.first)]))
    }

    func tokenScoresBackward(_ backward: TokenScoringBackward) {
        let block = backward.block
        let zero = runtime.zeros([1], backward.logSumExp.dtype).view.broadcast(to: backward.logSumExp.shape)
        let gradients = [backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb, backward.dEntropy]
            .map { column($0 ?? zero) }
        let holdsWeights = backward.tops != nil
        let program = Program(inputs: 9, scalars: 1) { x, first in
            let (target, logSumExp, entropy, top) = (x[1], x[2], x[3], x[8])
            let zero = x[0].constant(0)
            // A weight of 0 has no logarithm, and needs none.
            let z = !holdsWeights ? x[0] : select(zero < x[0], x[0], x[0].constant(1)).log + top
            let logits = CappedLogits(z, cap: block.softcap)
            let logS = logits.capped - logSumExp
            let s = holdsWeights ? x[0] * (top - logSumExp).exp : logS.exp
            let isTarget = x[0].column == target - first[0]
            let logProbGradient = select(target < target.constant(0), target.constant(0), x[4])
            var dz = logProbGradient * (isTarget - s) + x[5] * s + x[6] * (1 / Double(block.vocabulary) - s)
            dz = dz - x[7] * s * (logS + entropy)
            return [dz * logits.slope]
        }
        let rows = [block.targets, backward.logSumExp, backward.entropy].map(column)
        runtime.run(
            .map(
                program, inputs: [block.logits] + rows + gradients + [column(backward.tops ?? zero)],
                outputs: [backward.dlogits],
                scalars: [Double(block.first)]))
    }
}

/// Logits under a soft cap, and its slope.
private struct CappedLogits {
    let capped, slope: Symbol

    init(_ logits: Symbol, cap: Double?) {
        if let cap {
            let bounded = (logits / cap).tanh
            capped = bounded * cap
            slope = 1 - bounded * bounded
        } else {
            capped = logits
            slope = logits.constant(1)
        }
    }
}

extension LogitSums {
    /// Of the rows of one block.
    fileprivate init(block z: Symbol, isTarget: Symbol) {
        let largest = LogitSums.largest(z)
        let below = z - largest
        let exponential = below.exp
        self.init(rows: [
            largest, exponential.rowSum, (exponential * below).rowSum, z.rowSum,
            select(isTarget, z, z.constant(0)).rowSum,
        ])
    }

    /// Of the rows of one block, a number also where all logits are minus infinity.
    fileprivate static func largest(_ z: Symbol) -> Symbol { maximum(z.rowMax, z.constant(start[0])) }
}
