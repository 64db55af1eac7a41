extension Philox {
    /// 16 random bits for element `index`. Eight elements share a block: element e takes half (e / 16) % 8 of block
    /// (e / 128) * 16 + e % 16, so that vectors of 16 elements are drawn together.
    public func halfWord(at index: UInt64) -> UInt16 {
        let words = block(at: index / 128 * 16 + index % 16)
        let half = Int(index / 16 % 8)
        return UInt16(truncatingIfNeeded: words[half / 2] >> UInt32(half % 2 * 16))
    }
}
