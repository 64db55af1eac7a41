// N rows, V vocabulary

import CKernels

extension CPUBackend {
    func supports(_ draw: TokenDraw) -> Bool {
        draw.logits.dtype == .float32 && draw.logits.hasDenseRows && draw.ids.dtype == .int32
            && draw.logProbs.dtype == .float32
    }

    func drawTokens(_ draw: TokenDraw) {
        let vocabulary = draw.logits.shape[1]
        precondition(
            draw.rows.allSatisfy { $0.seen.allSatisfy { $0 >= 0 && $0 < vocabulary } },
            "draw: a seen token is outside the vocabulary of \(vocabulary)")
        let size = Int(ck_draw_scratch(Int64(vocabulary)))
        scratch(size * pool.threadCount, of: UInt8.self) { scratch in
            pool.parallel(draw.rows.count) { index, worker in
                let row = draw.rows[index]
                row.seen.withUnsafeBufferPointer { seen in
                    var call = ck_draw()
                    call.temperature = row.temperature
                    call.top_k = Int64(row.topK ?? vocabulary)
                    call.top_p = row.topP ?? 1
                    call.min_p = row.minP ?? 0
                    call.penalty = Float(row.repetitionPenalty)
                    call.uniform = row.uniform
                    call.seen = seen.baseAddress
                    call.seen_count = Int64(seen.count)
                    ck_draw_token(
                        draw.logits.floats + index * draw.logits.strides[0], Int64(vocabulary), &call,
                        scratch + worker * size,
                        draw.ids.address(plus: index * draw.ids.strides[0]).assumingMemoryBound(to: Int32.self),
                        draw.logProbs.floats + index * draw.logProbs.strides[0])
                }
            }
        }
    }
}
