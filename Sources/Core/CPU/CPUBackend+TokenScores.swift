// N rows, V vocabulary

import CKernels

extension CPUBackend {
    func supports(_ scoring: TokenScoring) -> Bool {
        supports(scoring.block) && scoring.block.logits.dtype == .float32
            && [scoring.sums, scoring.weights?.tops].allSatisfy { ($0?.dtype ?? .float32) == .float32 }
            && (scoring.weights.map { isWeights($0.values, scoring.block) } ?? true)
    }

    func supports(_ backward: TokenScoringBackward) -> Bool {
        let block = backward.block
        return supports(block) && backward.dlogits.dtype.isSingle && backward.dlogits.hasDenseRows
            && (backward.tops == nil ? block.logits.dtype == .float32 : isWeights(block.logits, block))
            && ([backward.logSumExp, backward.entropy, backward.tops] + backward.gradients).allSatisfy {
                ($0?.dtype ?? .float32) == .float32
            }
    }

    private func supports(_ block: LogitBlock) -> Bool {
        block.logits.hasDenseRows && block.targets.dtype == .int32
    }

    private func isWeights(_ view: BufferView, _ block: LogitBlock) -> Bool {
        view.dtype.isSingle && view.hasDenseRows && block.softcap == nil
    }

    func tokenScores(_ scoring: TokenScoring) {
        var call = describe(scoring.block)
        call.logits = UnsafePointer(scoring.block.logits.floats)
        call.stride = Int64(scoring.block.logits.strides[0])
        if let weights = scoring.weights { call.setWeights(weights.values, weights.tops) }
        let strides = scoring.sums?.strides ?? [0, 0]
        eachRange(scoring.block, call) { range, rows in
            ck_logit_sums(
                rows, scoring.sums?.floats, Int64(strides[0]), Int64(strides[1]), Int64(range.lowerBound),
                Int64(range.upperBound))
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
        var call = describe(backward.block)
        if let tops = backward.tops {
            call.setWeights(backward.block.logits, tops)
        } else {
            call.logits = UnsafePointer(backward.block.logits.floats)
            call.stride = Int64(backward.block.logits.strides[0])
        }
        withUnsafePointer(to: of) { of in
            eachRange(backward.block, call) { range, rows in
                ck_logit_gradients(rows, of, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }

    private func describe(_ block: LogitBlock) -> ck_logit_rows {
        var rows = ck_logit_rows()
        rows.columns = Int64(block.logits.shape[1])
        rows.first = Int64(block.first)
        rows.targets = UnsafePointer(block.targets.address.assumingMemoryBound(to: Int32.self))
        rows.target_stride = Int64(block.targets.strides[0])
        rows.cap = Float(block.softcap ?? 0)
        return rows
    }

    private func eachRange(
        _ block: LogitBlock, _ call: ck_logit_rows,
        _ body: (_ range: Range<Int>, _ rows: UnsafePointer<ck_logit_rows>) -> Void
    ) {
        let (count, columns) = (block.logits.shape[0], block.logits.shape[1])
        withUnsafePointer(to: call) { rows in
            pool.parallelRanges(count, grain: (1 << 12) / max(columns, 1)) { range, _ in
                for row in range {
                    let target = Int(rows.pointee.targets[row * Int(rows.pointee.target_stride)])
                    precondition(
                        target < block.vocabulary,
                        "token scores: target \(target) of a vocabulary of \(block.vocabulary)")
                }
                body(range, rows)
            }
        }
    }
}

extension ck_logit_rows {
    fileprivate mutating func setWeights(_ values: BufferView, _ tops: BufferView) {
        weights = values.address
        weights_type = values.dtype.code
        weights_stride = Int64(values.strides[0])
        self.tops = tops.floats
        tops_stride = Int64(tops.strides[0])
    }
}

extension TokenScoringBackward {
    /// Of log-probability, log-sum-exp, mean log-probability and entropy.
    fileprivate var gradients: [BufferView?] { [dLogProb, dLogSumExp, dMeanLogProb, dEntropy] }
}
