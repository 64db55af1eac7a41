// B batch, T queries, S keys, H heads, K key/value heads, D head size

import CKernels

extension CPUBackend {
    /// At most CK_FEW_QUERIES queries of each sequence: decoding. One item is a key/value head of a sequence.
    func attentionOfFewQueries(_ attention: Attention) {
        var wide = attention
        (wide.q, wide.k, wide.v) = (widened(attention.q), widened(attention.k), widened(attention.v))
        wide.out = attention.out.dtype == .float32 ? attention.out : temporary(attention.out.shape)
        let call = CPUBackend.describe(wide, blas)
        let size = Int(withUnsafePointer(to: call) { ck_attention_few_scratch($0) })
        let (batch, kvHeads) = (wide.q.shape[0], wide.k.shape[2])
        scratch(size * pool.threadCount, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                pool.parallel(batch * kvHeads) { item, worker in
                    ck_attention_few(
                        call, Int64(item / kvHeads), Int64(item % kvHeads), scratch + worker * size)
                }
            }
        }
        if attention.out.dtype != .float32 { copy(from: wide.out, to: attention.out) }
    }
}
