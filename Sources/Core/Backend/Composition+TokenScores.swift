// N rows, V' tokens of a block of the vocabulary

extension Composition {
    func tokenScores(_ scoring: TokenScoring) {
        let block = scoring.block
        let program = Program(inputs: 7, scalars: 1) { x, first in
            let logits = CappedLogits(x[0], cap: block.softcap)
            let isTarget = x[0].column == x[1] - first[0]
            return LogitSums(rows: x[2..<7]).merging(LogitSums(block: logits.capped, isTarget: isTarget)).rows
        }
        let sums = LogitSums.views(of: scoring.sums).map(column)
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
        let program = Program(inputs: 8, scalars: 1) { x, first in
            let logits = CappedLogits(x[0], cap: block.softcap)
            let (target, logSumExp, entropy) = (x[1], x[2], x[3])
            let logS = logits.capped - logSumExp
            let s = logS.exp
            let isTarget = x[0].column == target - first[0]
            let logProbGradient = select(target < target.constant(0), target.constant(0), x[4])
            var dz = logProbGradient * (isTarget - s) + x[5] * s + x[6] * (1 / Double(block.vocabulary) - s)
            dz = dz - x[7] * s * (logS + entropy)
            return [dz * logits.slope]
        }
        let rows = [block.targets, backward.logSumExp, backward.entropy].map(column)
        runtime.run(
            .map(
                program, inputs: [block.logits] + rows + gradients, outputs: [backward.dlogits],
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
        let largest = maximum(z.rowMax, z.constant(LogitSums.start[0]))
        let below = z - largest
        let exponential = below.exp
        self.init(rows: [
            largest, exponential.rowSum, (exponential * below).rowSum, z.rowSum,
            select(isTarget, z, z.constant(0)).rowSum,
        ])
    }
}
