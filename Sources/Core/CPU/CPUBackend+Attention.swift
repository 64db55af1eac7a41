// B batch, T queries, S keys, H heads, K key/value heads, D head size

import CKernels

extension CPUBackend {
    func supports(_ attention: Attention) -> Bool {
        let arrays = [attention.q, attention.k, attention.v, attention.out]
        return arrays.allSatisfy { $0.dtype.isSingle && $0.dimCount == 4 && $0.hasDenseRows }
            && attention.logSumExp.dtype == .float32
            && [attention.queryStart, attention.documentStart].allSatisfy { ($0?.dtype ?? .int32) == .int32 }
            && attention.q.shape[2] % attention.k.shape[2] == 0 && attention.scale >= 0
    }

    func supports(_ backward: AttentionBackward) -> Bool {
        let arrays = [backward.dout, backward.dq, backward.dk, backward.dv]
        return supports(backward.forward)
            && arrays.allSatisfy { $0.dtype.isSingle && $0.dimCount == 4 && $0.hasDenseRows }
    }

    /// Keys and values are laid out once for all heads that read them, then one item is a block of a head's queries.
    func attention(_ attention: Attention) {
        if attention.out.elementCount == 0 { return }
        let call = tiledCall(attention)
        let (size, packedSize) = withUnsafePointer(to: call) {
            (Int(ck_attention_scratch($0, 0)), Int(ck_attention_packed_size($0)))
        }
        let (batch, heads, kvHeads) = (attention.q.shape[0], attention.q.shape[2], attention.k.shape[2])
        let blocks = CPUBackend.blocks(attention.q.shape[1], CK_ATTENTION_QUERIES)
        let keyBlocks = CPUBackend.blocks(attention.k.shape[1], CK_ATTENTION_KEYS)
        let packedCount = batch * kvHeads * keyBlocks
        scratch(size * pool.threadCount + packedSize * packedCount, of: UInt32.self) { scratch in
            let packed = scratch + size * pool.threadCount
            withUnsafePointer(to: call) { call in
                pool.parallel(packedCount) { item, _ in
                    let (head, block) = (item / keyBlocks, item % keyBlocks)
                    ck_attention_pack(
                        call, Int64(head / kvHeads), Int64(head % kvHeads), Int64(block), packed + item * packedSize)
                }
                pool.parallel(batch * heads * blocks) { item, worker in
                    // The last queries see the most keys: long items first.
                    let (head, block) = (item % (batch * heads), blocks - 1 - item / (batch * heads))
                    let keys = packed + head / (heads / kvHeads) * keyBlocks * packedSize
                    ck_attention_block(
                        call, Int64(head / heads), Int64(head % heads), Int64(block), keys, scratch + worker * size)
                }
            }
        }
    }

    /// One item is a block of keys against a block of queries. Items of one round share neither, and an item waits for
    /// those of the round before that do, so every gradient is added up in the order of the rounds, whoever runs them.
    func attentionBackward(_ backward: AttentionBackward) {
        let forward = backward.forward
        if forward.out.elementCount == 0 { return [backward.dk, backward.dv].forEach { fill($0, 0) } }
        let sums = [backward.dq, backward.dk, backward.dv].map(zeroSums)
        var call = tiledCall(forward)
        call.dout = UnsafeRawPointer(backward.dout.address)
        call.dout_type = backward.dout.dtype.code
        call.dout_strides = CPUBackend.strides(backward.dout)
        (call.dq, call.dk, call.dv) = (sums[0].floats, sums[1].floats, sums[2].floats)
        call.dq_strides = CPUBackend.strides(sums[0])
        call.dk_strides = CPUBackend.strides(sums[1])
        call.dv_strides = CPUBackend.strides(sums[2])
        let size = Int(withUnsafePointer(to: call) { ck_attention_scratch($0, 1) })
        let kvHeads = forward.k.shape[2]
        let heads = forward.q.shape[0] * kvHeads
        let queryBlocks = CPUBackend.blocks(forward.q.shape[1], CK_ATTENTION_KEYS)
        let keyBlocks = CPUBackend.blocks(forward.k.shape[1], CK_ATTENTION_KEYS)
        let rounds = max(queryBlocks, keyBlocks)
        // Rounds done with each block of keys, then of queries, of a head.
        let counters = heads * 2 * rounds
        scratch(size * pool.threadCount + counters, of: UInt32.self) { scratch in
            let done = UnsafeMutableRawPointer(scratch + size * pool.threadCount)
                .bindMemory(to: Int32.self, capacity: counters)
            done.update(repeating: 0, count: counters)
            withUnsafePointer(to: call) { call in
                func run(_ head: Int, _ round: Int, _ keyBlock: Int, _ worker: Int) {
                    let queryBlock = (round - keyBlock + rounds) % rounds
                    let keysDone = done + (head * 2 * rounds + keyBlock)
                    let queriesDone = done + (head * 2 * rounds + rounds + queryBlock)
                    ck_await(keysDone, Int32(round))
                    ck_await(queriesDone, Int32(round))
                    if keyBlock < keyBlocks && queryBlock < queryBlocks {
                        ck_attention_backward(
                            call, Int64(head / kvHeads), Int64(head % kvHeads), Int64(keyBlock), Int64(queryBlock),
                            scratch + worker * size)
                    }
                    ck_advance(keysDone, Int32(round + 1))
                    ck_advance(queriesDone, Int32(round + 1))
                }
                if heads % pool.threadCount == 0 || heads >= 8 * pool.threadCount {
                    // Enough heads for all: what a head reads and adds to stays in one core's cache.
                    pool.parallel(heads) { head, worker in
                        for item in 0..<rounds * rounds { run(head, item / rounds, item % rounds, worker) }
                    }
                } else {
                    pool.parallel(heads * rounds * rounds) { item, worker in
                        let pair = item / heads
                        run(item % heads, pair / rounds, pair % rounds, worker)
                    }
                }
            }
        }
        for (gradient, sum) in zip([backward.dq, backward.dk, backward.dv], sums) where sum.buffer !== gradient.buffer {
            copy(from: sum.sliced(dim: 3, 0..<gradient.shape[3]), to: gradient)
        }
    }

    /// Where a gradient [B, T, H, D] is added up: itself when it is float32 and its rows are whole vectors.
    private func zeroSums(_ gradient: BufferView) -> BufferView {
        let width = (gradient.shape[3] + 15) / 16 * 16
        let isItself = gradient.dtype == .float32 && gradient.shape[3] == width
        let sums = isItself ? gradient : temporary(gradient.shape.dropLast() + [width])
        fill(sums, 0)
        return sums
    }

    private static func blocks(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }

    static func strides(_ view: BufferView) -> (Int64, Int64, Int64) {
        (Int64(view.strides[0]), Int64(view.strides[1]), Int64(view.strides[2]))
    }

    private func tiledCall(_ attention: Attention) -> ck_tiled_attention {
        var call = ck_tiled_attention()
        let inputs = [attention.q, attention.k, attention.v]
        call.q = UnsafeRawPointer(attention.q.address)
        call.k = UnsafeRawPointer(attention.k.address)
        call.v = UnsafeRawPointer(attention.v.address)
        call.out = UnsafeMutableRawPointer(attention.out.address)
        call.lse = attention.logSumExp.floats
        (call.q_type, call.k_type, call.v_type) = (inputs[0].dtype.code, inputs[1].dtype.code, inputs[2].dtype.code)
        call.out_type = attention.out.dtype.code
        call.q_strides = CPUBackend.strides(attention.q)
        call.k_strides = CPUBackend.strides(attention.k)
        call.v_strides = CPUBackend.strides(attention.v)
        call.out_strides = CPUBackend.strides(attention.out)
        call.lse_strides = CPUBackend.strides(attention.logSumExp)
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
        let arePairs = panelTypes.contains(.bfloat16) && inputs.allSatisfy { $0.dtype == .bfloat16 }
        let level = arePairs ? CK_LEVEL_BFLOAT16 : panelTypes.contains(.float32) ? CK_LEVEL_AVX512 : CK_LEVEL_PLAIN
        call.level = Int32(level)
        return call
    }
}
