// N tokens, H heads, K key/value heads, G = H / K, D head size, B sequences

import CKernels

extension CPUBackend {
    /// Rows of scores that are taken together; their keys are widened once.
    private static let tileRows = 32
    /// Shares of the work for each thread.
    private static let attentionShares = 8
    /// Scores times head size below which other threads are not called: a few microseconds.
    private static let smallWork = 1 << 16

    func supports(_ attention: CachedAttention) -> Bool {
        [attention.q, attention.out].allSatisfy { $0.dtype.isSingle && $0.hasDenseRows }
            && attention.keys.dtype.isSingle && attention.keys.dtype == attention.values.dtype
            && [attention.keys, attention.values].allSatisfy(\.isContiguous)
            && attention.keys.shape[3] == Int(CK_CACHE_BLOCK) && attention.q.shape[1] % attention.keys.shape[1] == 0
            && [attention.positions, attention.sequences, attention.blocks].allSatisfy { $0.dtype == .int32 }
            && attention.blocks.hasDenseRows
    }

    func cachedAttention(_ attention: CachedAttention) {
        let (heads, kvHeads) = (attention.q.shape[1], attention.keys.shape[1])
        let rowsPerToken = heads / kvHeads
        let tiles = CPUBackend.tiles(attention, tokens: max(1, CPUBackend.tileRows / rowsPerToken))
        guard let longest = tiles.map(\.count).max() else { return }
        let call = CPUBackend.describe(attention)
        let size = Int(withUnsafePointer(to: call) { ck_cached_attention_scratch($0, Int64(longest)) })
        let pieces = tiles.reduce(0) { $0 + $1.pieces.count }
        let work = tiles.reduce(0) { $0 + $1.count * $1.keys } * heads * attention.q.shape[2]
        let isSmall = work < CPUBackend.smallWork
        if !isSmall && pieces > tiles.count && tiles.count * kvHeads < 2 * pool.threadCount {
            return splitAttention(call, tiles, partialSize: longest * rowsPerToken * (attention.q.shape[2] + 2), size)
        }
        scratch(size * pool.threadCount, of: Float.self) { scratch in
            withUnsafePointer(to: call) { call in
                func run(_ item: Int, _ worker: Int) {
                    // Late tokens see most keys and come first.
                    let tile = tiles[tiles.count - 1 - item / kvHeads]
                    ck_cached_attention_tile(
                        call, Int64(tile.token), Int64(tile.count), Int64(tile.sequence), Int64(item % kvHeads),
                        Int64(tile.pieces.lowerBound), Int64(tile.pieces.upperBound), scratch + worker * size)
                }
                if isSmall {
                    for item in 0..<tiles.count * kvHeads { run(item, 0) }
                } else {
                    // Heads of a sequence follow each other, since one's keys are fetched while another's are read.
                    let count = tiles.count * kvHeads
                    let shares = min(count, CPUBackend.attentionShares * pool.threadCount)
                    pool.parallel(shares) { share, worker in
                        for item in share * count / shares..<(share + 1) * count / shares { run(item, worker) }
                    }
                }
            }
        }
    }

    /// Few tokens with many keys: each piece of keys is a task of its own. Pieces are merged in the same order.
    private func splitAttention(
        _ call: ck_cached_attention, _ tiles: [CachedAttentionTile], partialSize: Int, _ size: Int
    ) {
        let kvHeads = Int(call.kv_heads)
        let items = tiles.flatMap { tile in tile.pieces.map { (tile, $0) } }
        let partialCount = items.count * kvHeads * partialSize
        scratch(partialCount + size * pool.threadCount, of: Float.self) { partials in
            withUnsafePointer(to: call) { call in
                pool.parallel(items.count * kvHeads) { index, worker in
                    let (tile, piece) = items[index / kvHeads]
                    ck_cached_attention_piece(
                        call, Int64(tile.token), Int64(tile.count), Int64(tile.sequence), Int64(index % kvHeads),
                        Int64(piece), partials + index * partialSize, partials + partialCount + worker * size)
                }
                var first = 0
                for tile in tiles {
                    for kv in 0..<kvHeads {
                        let sums = partials + (first * kvHeads + kv) * partialSize
                        for next in 1..<max(tile.pieces.count, 1) {
                            ck_cached_attention_merge(
                                call, Int64(tile.count), sums, sums + next * kvHeads * partialSize)
                        }
                        ck_cached_attention_finish(call, Int64(tile.token), Int64(tile.count), Int64(kv), sums)
                    }
                    first += tile.pieces.count
                }
            }
        }
    }

    /// Consecutive tokens of one sequence, at most so many at a time.
    private static func tiles(_ attention: CachedAttention, tokens: Int) -> [CachedAttentionTile] {
        func value(_ view: BufferView, _ index: Int) -> Int {
            Int(view.address(plus: index * view.strides[0]).load(as: Int32.self))
        }
        let count = attention.q.shape[0]
        let piece = Int(CK_CACHE_PIECE)
        var tiles: [CachedAttentionTile] = []
        var token = 0
        while token < count {
            let (sequence, position) = (value(attention.sequences, token), value(attention.positions, token))
            precondition(
                sequence >= 0 && sequence < attention.blocks.shape[0] && position >= 0,
                "cached attention: token \(token) is at position \(position) of sequence \(sequence)")
            var end = token + 1
            while end < count, end - token < tokens, value(attention.sequences, end) == sequence,
                value(attention.positions, end) == position + end - token
            {
                end += 1
            }
            let last = position + end - token - 1
            precondition(
                last < attention.blocks.shape[1] * Int(CK_CACHE_BLOCK),
                "cached attention: position \(last) is beyond \(attention.blocks.shape[1]) blocks")
            let first = attention.window.map { max(position - $0 + 1, 0) } ?? 0
            tiles.append(
                CachedAttentionTile(
                    token: token, count: end - token, sequence: sequence, keys: last + 1 - first,
                    pieces: first / piece..<last / piece + 1))
            token = end
        }
        return tiles
    }

    private static func describe(_ attention: CachedAttention) -> ck_cached_attention {
        var call = ck_cached_attention()
        call.q = UnsafeRawPointer(attention.q.address)
        call.q_type = attention.q.dtype.code
        call.q_strides = (Int64(attention.q.strides[0]), Int64(attention.q.strides[1]))
        call.out = attention.out.address
        call.out_type = attention.out.dtype.code
        call.out_strides = (Int64(attention.out.strides[0]), Int64(attention.out.strides[1]))
        call.keys = UnsafeRawPointer(attention.keys.address)
        call.values = UnsafeRawPointer(attention.values.address)
        call.type = attention.keys.dtype.code
        call.heads = Int64(attention.q.shape[1])
        call.kv_heads = Int64(attention.keys.shape[1])
        call.head_size = Int64(attention.q.shape[2])
        call.scale = Float(attention.scale)
        call.window = Int64(attention.window ?? 0)
        call.positions = UnsafePointer(attention.positions.address.assumingMemoryBound(to: Int32.self))
        call.positions_stride = Int64(attention.positions.strides[0])
        call.blocks = UnsafePointer(attention.blocks.address.assumingMemoryBound(to: Int32.self))
        call.blocks_stride = Int64(attention.blocks.strides[0])
        return call
    }
}

/// Consecutive tokens of one sequence and the pieces of keys that they see.
private struct CachedAttentionTile {
    let token: Int
    let count: Int
    let sequence: Int
    /// How many the last token and those before it see together.
    let keys: Int
    let pieces: Range<Int>
}
