// N rows, V vocabulary

extension Composition {
    func tokenScores(_ scoring: TokenScoring) {
        let program = Program(inputs: 2) { x, _ in
            let row = LogitRow(x[0], target: x[1], scoring)
            return [row.logProb, row.logSumExp, row.meanLogProb, row.entropy]
        }
        let outputs = [scoring.logProb, scoring.logSumExp, scoring.meanLogProb, scoring.entropy].map(column)
        runtime.run(
            .map(program, inputs: [scoring.logits, column(scoring.targets)], outputs: outputs, scalars: []))
    }

    func tokenScoresBackward(_ backward: TokenScoringBackward) {
        let scoring = backward.forward
        let zero = runtime.zeros([1], scoring.logProb.dtype).view.broadcast(to: scoring.logProb.shape)
        let gradients = [backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb, backward.dEntropy]
            .map { column($0 ?? zero) }
        let vocabulary = Double(scoring.logits.shape[1])
        let program = Program(inputs: 6) { x, _ in
            let row = LogitRow(x[0], target: x[1], scoring)
            let s = row.softmax
            let logProbGradient = select(x[1] < x[1].constant(0), x[1].constant(0), x[2])
            var dz = logProbGradient * (row.isTarget - s) + x[3] * s + x[4] * (1 / vocabulary - s)
            dz = dz - x[5] * s * (row.capped - row.logSumExp + row.entropy)
            return [dz * row.slope]
        }
        runtime.run(
            .map(
                program, inputs: [scoring.logits, column(scoring.targets)] + gradients, outputs: [scoring.logits],
                scalars: []))
    }
}

/// The quantities of one row of logits.
private struct LogitRow {
    let capped, slope, softmax, isTarget: Symbol
    let logProb, logSumExp, meanLogProb, entropy: Symbol

    init(_ logits: Symbol, target: Symbol, _ scoring: TokenScoring) {
        if let cap = scoring.softcap {
            let bounded = (logits / cap).tanh
            capped = bounded * cap
            slope = 1 - bounded * bounded
        } else {
            capped = logits
            slope = logits.constant(1)
        }
        let zero = logits.constant(0)
        let largest = capped.rowMax
        let exponential = (capped - largest).exp
        let total = exponential.rowSum
        logSumExp = largest + total.log
        softmax = exponential / total
        isTarget = logits.column == target
        logProb = select(target < zero, zero, select(isTarget, capped, zero).rowSum - logSumExp)
        meanLogProb = capped.rowSum / Double(scoring.logits.shape[1]) - logSumExp
        entropy = logSumExp - (softmax * capped).rowSum
    }
}
