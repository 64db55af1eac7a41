/// Host values, for what ranks agree on beside tensors.
extension Communicator {
    /// Everyone's bytes, in the order of ranks.
    /// - Throws: what `RankLink.check` throws.
    public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        if rankCount == 1 { return [bytes] }
        let counts = link.runtime.zeros([rankCount], .int32)
        run(.allGather(link.runtime.tensor([Int32(bytes.count)], [1]), into: counts))
        try link.check()
        let sizes = counts.int32s().map(Int.init)
        // Parts are equal, so the longest is the measure.
        let longest = sizes.max() ?? 0
        let all = link.runtime.empty([rankCount * longest], .uint8)
        let parts = members.indices.map { all.part($0 * longest..<($0 + 1) * longest) }
        parts[rank].hostBytes.copyBytes(from: bytes)
        run(.allGather(parts[rank], into: all))
        try link.check()
        return zip(parts, sizes).map { Array($0.hostBytes[..<$1]) }
    }

    /// Everyone's number, in the order of ranks.
    /// - Throws: what `RankLink.check` throws.
    public func gather(_ value: Double) throws -> [Double] {
        if rankCount == 1 { return [value] }
        let all = link.runtime.zeros([rankCount], .float64)
        run(.allGather(link.runtime.tensor([value], [1]), into: all))
        try link.check()
        return all.doubles()
    }

    /// The sum over ranks, element by element, in float64 and in the order of ranks: the same bits on all of them.
    /// - Throws: what `RankLink.check` throws.
    public func sum(_ values: [Double]) throws -> [Double] {
        if rankCount == 1 { return values }
        let total = link.runtime.tensor(values, [values.count])
        run(.allReduce(total))
        try link.check()
        return total.doubles()
    }

    /// The bytes of rank `root`; what the others pass is ignored.
    /// - Throws: what `RankLink.check` throws.
    public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        try gather(rank == root ? bytes : [])[root]
    }

    /// Returns when every rank has called it.
    /// - Throws: what `RankLink.check` throws.
    public func barrier() throws { _ = try gather([]) }
}
