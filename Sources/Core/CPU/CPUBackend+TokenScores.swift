// N rows, V vocabulary

import CKernels

extension CPUBackend {
    func supports(_ scoring: TokenScoring) -> Bool {
        scoring.logits.dtype.isSingle && scoring.logits.hasDenseRows && scoring.targets.dtype == .int32
            && [scoring.logProb, scoring.logSumExp, scoring.meanLogProb, scoring.entropy].allSatisfy {
                $0.dtype == .float32
            }
    }

    func supports(_ backward: TokenScoringBackward) -> Bool {
        supports(backward.forward)
            && [backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb, backward.dEntropy].allSatisfy {
                ($0?.dtype ?? .float32) == .float32
            }
    }

    func tokenScores(_ scoring: TokenScoring) {
        let outputs = [scoring.logProb, scoring.logSumExp, scoring.meanLogProb, scoring.entropy]
        eachRow(scoring) { row, logits, target in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 4) { results in
                ck_token_scores(
                    logits, scoring.logits.dtype.code, Int64(scoring.logits.shape[1]), target,
                    Float(scoring.softcap ?? 0), results.baseAddress)
                for (output, result) in zip(outputs, results) { output.floats[row * output.strides[0]] = result }
            }
        }
    }

    /// Reads the log-sum-exp and entropy that the forward pass left.
    func tokenScoresBackward(_ backward: TokenScoringBackward) {
        let scoring = backward.forward
        let gradients = [backward.dLogProb, backward.dLogSumExp, backward.dMeanLogProb, backward.dEntropy]
        eachRow(scoring) { row, logits, target in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 4) { values in
                for (index, gradient) in gradients.enumerated() {
                    values[index] = gradient.map { $0.floats[row * $0.strides[0]] } ?? 0
                }
                ck_token_scores_backward(
                    logits, scoring.logits.dtype.code, Int64(scoring.logits.shape[1]), target,
                    Float(scoring.softcap ?? 0), scoring.logSumExp.floats[row * scoring.logSumExp.strides[0]],
                    scoring.entropy.floats[row * scoring.entropy.strides[0]], values.baseAddress)
            }
        }
    }

    private func eachRow(
        _ scoring: TokenScoring, _ body: (_ row: Int, _ logits: UnsafeMutableRawPointer, _ target: Int32) -> Void
    ) {
        let (rows, vocabulary) = (scoring.logits.shape[0], scoring.logits.shape[1])
        pool.parallelRanges(rows, grain: (1 << 12) / max(vocabulary, 1)) { range, _ in
            for row in range {
                let target = scoring.targets.address(plus: row * scoring.targets.strides[0]).load(as: Int32.self)
                precondition(target < vocabulary, "token scores: target \(target) of a vocabulary of \(vocabulary)")
                body(row, scoring.logits.address(plus: row * scoring.logits.strides[0]), target)
            }
        }
    }
}
