/// Encodes pieces: a cache of those seen, and room for one that is being merged.
struct PieceEncoder: Sendable {
    /// From a piece to where its ids lie in `cachedIDs` (start * 256 + count).
    private var cache = ByteMap(minimumCapacity: 4096)
    private var cachedIDs: [Int32] = []

    // Symbols of the piece form a doubly linked list over their first positions; -1 ends it.
    private var ids: [Int32] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    /// Rank of the pair that starts at each position, `BytePairModel.noMerge` when it does not merge.
    private var ranks: [UInt64] = []
    /// Candidates as rank * 2^32 + position, so that the lowest rank comes first and of equal ones the leftmost.
    private var candidates = Heap<UInt64>()

    /// Appends the ids of one piece.
    mutating func encode(_ piece: UnsafeBufferPointer<UInt8>, with model: BytePairModel, into output: inout [Int32]) {
        // Long pieces hardly come twice; the bound also keeps their counts below 256.
        guard piece.count < 128 else {
            merge(piece, with: model)
            output += ids
            return
        }
        let (entry, hash) = cache.find(piece)
        if let entry {
            let start = entry >> 8
            if entry & 0xFF == 1 {
                output.append(cachedIDs[start])
            } else {
                output += cachedIDs[start..<(start + entry & 0xFF)]
            }
            return
        }
        merge(piece, with: model)
        if cache.count >= 1 << 16 {
            cache.removeAll()
            cachedIDs.removeAll(keepingCapacity: true)
        }
        cache.insert(piece, hash: hash, value: cachedIDs.count << 8 | ids.count)
        cachedIDs += ids
        output += ids
    }

    /// Leaves in `ids` the symbols of a piece after all merges, lowest rank first.
    private mutating func merge(_ piece: UnsafeBufferPointer<UInt8>, with model: BytePairModel) {
        ids.removeAll(keepingCapacity: true)
        model.appendSymbols(of: piece, to: &ids)
        let count = ids.count
        if count < 2 { return }
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        ranks.removeAll(keepingCapacity: true)
        candidates.removeAll()
        for position in 0..<count {
            next.append(position + 1 < count ? Int32(position + 1) : -1)
            previous.append(Int32(position - 1))
            ranks.append(BytePairModel.noMerge)
        }
        for position in 0..<(count - 1) { consider(position, with: model) }
        while let candidate = candidates.popLeast() {
            let position = Int(candidate & 0xFFFF_FFFF)
            let merge = ranks[position]
            // An entry is stale when its pair has changed since; the pair's new rank has an entry of its own.
            if merge >> 32 != candidate >> 32 || merge == BytePairModel.noMerge { continue }
            let removed = Int(next[position])
            ids[position] = Int32(truncatingIfNeeded: merge)
            ids[removed] = -1
            ranks[removed] = BytePairModel.noMerge
            next[position] = next[removed]
            if next[position] >= 0 { previous[Int(next[position])] = Int32(position) }
            consider(position, with: model)
            if previous[position] >= 0 { consider(Int(previous[position]), with: model) }
        }
        ids.removeAll { $0 < 0 }
    }

    /// Looks up the pair that starts at a position and queues it when it merges.
    private mutating func consider(_ position: Int, with model: BytePairModel) {
        let merge = next[position] < 0 ? BytePairModel.noMerge : model.merges[ids[position], ids[Int(next[position])]]
        ranks[position] = merge
        if merge != BytePairModel.noMerge {
            candidates.insert(merge & 0xFFFF_FFFF_0000_0000 | UInt64(position))
        }
    }
}
