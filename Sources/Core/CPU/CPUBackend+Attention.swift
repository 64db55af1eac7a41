// B batch, T queries, S keys, H heads, K key/value heads, D head size

import CKernels

extension CPUBackend {
    func supports(_ attention: Attention) -> Bool {
        let arrays = [attention.q, attention.k, attention.v, attention.out]
        return arrays.allSatisfy { $0.dtype.isSingle && CPUBackend.hasDenseHeads($0) }
            && attention.logSumExp.dtype == .float32
            && [attention.queryStart, attention.documentStart].allSatisfy { ($0?.dtype ?? .int32) == .int32 }
            && attention.q.shape[2] % attention.k.shape[2] == 0
    }

    func supports(_ backward: AttentionBackward) -> Bool {
        let arrays = [backward.dout, backward.dq, backward.dk, backward.dv]
        return supports(backward.forward) && arrays.allSatisfy { $0.dtype.isSingle && CPUBackend.hasDenseHeads($0) }
    }

    /// Whether a head's rows can be given to a matrix product as they lie.
    private static func hasDenseHeads(_ view: BufferView) -> Bool {
        view.dimCount == 4 && (view.strides[3] == 1 || view.shape[3] == 1)
            && (view.strides[1] >= view.shape[3] || view.shape[1] <= 1)
    }

    func attention(_ attention: Attention) {
        if attention.out.elementCount == 0 { return }
        if attention.q.shape[1] <= Int(CK_FEW_QUERIES) { return attentionOfFewQueries(attention) }
        var wide = attention
        (wide.q, wide.k, wide.v) = (widened(attention.q), widened(attention.k), widened(attention.v))
        wide.out = attention.out.dtype == .float32 ? attention.out : temporary(attention.out.shape)
        let call = CPUBackend.describe(wide, blas)
        let size = Int(withUnsafePointer(to: call) { ck_attention_scratch($0) })
        let (batch, heads) = (wide.q.shape[0], wide.q.shape[2])
        let blocks = Int(ck_attention_query_blocks(Int64(wide.q.shape[1])))
        scratch(size * pool.threadCount, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                pool.parallel(batch * heads * blocks) { item, worker in
                    let (b, rest) = (Int64(item / (heads * blocks)), item % (heads * blocks))
                    ck_attention_block(
                        call, b, Int64(rest / blocks), Int64(rest % blocks), scratch + worker * size)
                }
            }
        }
        if attention.out.dtype != .float32 { copy(from: wide.out, to: attention.out) }
    }

    func attentionBackward(_ backward: AttentionBackward) {
        let forward = backward.forward
        if forward.out.elementCount == 0 { return [backward.dk, backward.dv].forEach { fill($0, 0) } }
        var wide = forward
        (wide.q, wide.k, wide.v) = (widened(forward.q), widened(forward.k), widened(forward.v))
        wide.out = widened(forward.out)
        let dout = widened(backward.dout)
        let results = [backward.dq, backward.dk, backward.dv]
        let wideResults = results.map { $0.dtype == .float32 ? $0 : temporary($0.shape) }
        var call = CPUBackend.describe(wide, blas)
        call.dout = UnsafePointer(dout.floats)
        (call.dq, call.dk, call.dv) = (wideResults[0].floats, wideResults[1].floats, wideResults[2].floats)
        call.dout_strides = CPUBackend.strides(dout)
        call.dq_strides = CPUBackend.strides(wideResults[0])
        call.dk_strides = CPUBackend.strides(wideResults[1])
        call.dv_strides = CPUBackend.strides(wideResults[2])
        let size = Int(withUnsafePointer(to: call) { ck_attention_scratch($0) })
        let kvHeads = wide.k.shape[2]
        scratch(size * pool.threadCount, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                pool.parallel(wide.q.shape[0] * kvHeads) { item, worker in
                    ck_attention_backward(
                        call, Int64(item / kvHeads), Int64(item % kvHeads), scratch + worker * size)
                }
            }
        }
        for (narrow, wide) in zip(results, wideResults) where narrow.dtype != .float32 { copy(from: wide, to: narrow) }
        withExtendedLifetime((wide, dout, wideResults)) {}
    }

    private static func strides(_ view: BufferView) -> (Int64, Int64, Int64) {
        // A single token has no next one; the product still wants a step that clears a row.
        let token = view.shape[1] <= 1 ? view.shape[3] : view.strides[1]
        return (Int64(view.strides[0]), Int64(token), Int64(view.strides[2]))
    }

    static func describe(_ attention: Attention, _ blas: BLASLibrary) -> ck_attention {
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
        call.gemm = blas.sgemm
        return call
    }
}
