// N rows, V vocabulary

import CKernels

extension CPUBackend {
    func supports(_ scoring: TokenScoring) -> Bool {
        supports(scoring.block) && scoring.sums.dtype == .float32
    }

    func supports(_ backward: TokenScoringBackward) -> Bool {
        supports(backward.block) && backward.dlogits.dtype.isSingle && backward.dlogits.hasDenseRows
            && ([backward.logSumExp, backward.entropy] + backward.gradients).allSatisfy {
                ($0?.dtype ?? .float32) == .float32
            }
    }

    private func supports(_ block: LogitBlock) -> Bool {
        block.logits.dtype == .float32 && block.logits.hasDenseRows && block.targets.dtype == .int32
    }

    func tokenScores(_ scoring: TokenScoring) {
        let (sums, strides) = (scoring.sums.floats, scoring.sums.strides)
        eachRange(scoring.block) { range, rows in
            ck_logit_sums(
                rows, sums, Int64(strides[0]), Int64(strides[1]), Int64(range.lowerBound), Int64(range.upperBound))
        }
    }

    func tokenScoresBackward(_ backward: TokenScoringBackward) {
        var of = ck_logit_gradients_of()
        of.log_sum_exp = UnsafePointer(backward.logSumExp.floats)
        of.entropy = UnsafePointer(backward.entropy.floats)
        of.log_sum_exp_stride = Int64(backward.logSumExp.strides[0])
        of.entropy_stride = Int64(backward.entropy.strides[0])
        let gradients = backward.gradients.map { $0.map { UnsafePointer($0.floats) } }
        let strides = backward.gradients.map { Int64($0?.strides[0] ?? 0) }
        of.gradients = (gradients[0], gradients[1], gradients[2], gradients[3])
        of.strides = (strides[0], strides[1], strides[2], strides[3])
        of.vocabulary = Int64(backward.block.vocabulary)
        of.dlogits = backward.dlogits.address
        of.type = backward.dlogits.dtype.code
        of.stride = Int64(backward.dlogits.strides[0])
        withUnsafePointer(to: of) { of in
            eachRange(backward.block) { range, rows in
                ck_logit_gradients(rows, of, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }

    private func eachRange(
        _ block: LogitBlock, _ body: (_ range: Range<Int>, _ rows: UnsafePointer<ck_logit_rows>) -> Void
    ) {
        let (count, columns) = (block.logits.shape[0], block.logits.shape[1])
        var rows = ck_logit_rows()
        rows.logits = UnsafePointer(block.logits.floats)
        rows.stride = Int64(block.logits.strides[0])
        rows.columns = Int64(columns)
        rows.first = Int64(block.first)
        let targets = UnsafePointer(block.targets.address.assumingMemoryBound(to: Int32.self))
        let targetStride = block.targets.strides[0]
        rows.targets = targets
        rows.target_stride = Int64(targetStride)
        rows.cap = Float(block.softcap ?? 0)
        withUnsafePointer(to: rows) { rows in
            pool.parallelRanges(count, grain: (1 << 12) / max(columns, 1)) { range, _ in
                for row in range {
                    let target = Int(targets[row * targetStride])
                    precondition(
                        target < block.vocabulary,
                        "token scores: target \(target) of a vocabulary of \(block.vocabulary)")
                }
                body(range, rows)
            }
        }
    }
}

extension TokenScoringBackward {
    /// Of log-probability, log-sum-exp, mean log-probability and entropy.
    fileprivate var gradients: [BufferView?] { [dLogProb, dLogSumExp, dMeanLogProb, dEntropy] }
}
