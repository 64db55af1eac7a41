// B batch, T queries, S keys, H heads, K key/value heads, D head size

import CKernels

extension CPUBackend {
    /// At most CK_FEW_QUERIES queries of each sequence: decoding. One item is a key/value head of a sequence.
    func attentionOfFewQueries(_ attention: Attention) {
        var wide = attention
        (wide.q, wide.k, wide.v) = (widened(attention.q), widened(attention.k), widened(attention.v))
        wide.out = attention.out.dtype == .float32 ? attention.out : temporary(attention.out.shape)
        let call = CPUBackend.describe(wide)
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

    private static func describe(_ attention: Attention) -> ck_attention {
        var call = ck_attention()
        call.q = UnsafePointer(attention.q.floats)
        call.k = UnsafePointer(attention.k.floats)
        call.v = UnsafePointer(attention.v.floats)
        call.out = attention.out.floats
        call.lse = attention.logSumExp.floats
        call.q_strides = strides(attention.q)
        call.k_strides = strides(attention.k)
        call.v_strides = strides(attention.v)
        call.out_strides = strides(attention.out)
        let kept = attention.logSumExp.strides
        call.lse_strides = (Int64(kept[0]), Int64(kept[1]), Int64(kept[2]))
        call.queries = Int64(attention.q.shape[1])
        call.keys = Int64(attention.k.shape[1])
        call.heads = Int64(attention.q.shape[2])
        call.kv_heads = Int64(attention.k.shape[2])
        call.head_size = Int64(attention.q.shape[3])
        call.scale = Float(attention.scale)
        call.window = Int64(attention.window ?? 0)
        if let start = attention.queryStart {
            call.query_start = UnsafePointer(start.address.assumingMemoryBound(to: Int32.self))
            call.query_start_stride = Int64(start.strides[0])
        }
        if let document = attention.documentStart {
            call.document_start = UnsafePointer(document.address.assumingMemoryBound(to: Int32.self))
            call.document_strides = (Int64(document.strides[0]), Int64(document.strides[1]))
        }
        return call
    }
}
