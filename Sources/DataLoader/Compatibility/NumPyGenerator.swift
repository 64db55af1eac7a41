/// NumPy's `default_rng(seed)`: PCG64 (XSL-RR 128/64) seeded through `SeedSequence`.
///
/// Only what MosaicML's shuffles call is here, draw for draw. O'Neill, "PCG: A family of simple fast space-efficient
/// statistically good algorithms for random number generation", HMC-CS-2014-0905, section 6.3.
struct NumPyGenerator {
    private var state: UInt128
    private let increment: UInt128
    private var spare: UInt32?

    private static let multiplier: UInt128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645

    init(seed: UInt64) {
        let words = SeedSequence(seed).state64(count: 4)
        increment = (UInt128(words[2]) << 64 | UInt128(words[3])) << 1 | 1
        state = increment
        state &+= UInt128(words[0]) << 64 | UInt128(words[1])
        step()
    }

    private mutating func step() { state = state &* NumPyGenerator.multiplier &+ increment }

    mutating func next64() -> UInt64 {
        step()
        let high = UInt64(truncatingIfNeeded: state >> 64)
        let word = high ^ UInt64(truncatingIfNeeded: state)
        let turn = high >> 58
        return word >> turn | word << ((64 &- turn) & 63)
    }

    /// Half of a 64-bit draw: the low half first, the high half at the next call.
    mutating func next32() -> UInt32 {
        if let spare {
            self.spare = nil
            return spare
        }
        let word = next64()
        spare = UInt32(truncatingIfNeeded: word >> 32)
        return UInt32(truncatingIfNeeded: word)
    }

    /// `uniform(low, high)`, one draw.
    mutating func uniform(_ low: Double, _ high: Double) -> Double {
        low + (high - low) * (Double(next64() >> 11) * 0x1p-53)
    }

    /// `integers(low, high)`, high excluded: Lemire's method on 32-bit draws.
    ///
    /// - Precondition: `low < high`, fewer than 2^32 values.
    mutating func integer(_ low: Int, _ high: Int) -> Int {
        let span = UInt64(high - low)
        precondition(high > low && span < 1 << 32, "a range of 1 to 2^32 - 1 integers is needed")
        guard span > 1 else { return low }
        var product = UInt64(next32()) * span
        let threshold = ((1 << 32) - span) % span
        while product & 0xFFFF_FFFF < threshold { product = UInt64(next32()) * span }
        return low + Int(product >> 32)
    }

    /// `shuffle`: Fisher and Yates from the end, masked rejection.
    mutating func shuffle<Element>(_ values: inout [Element], _ range: Range<Int>) {
        for last in (0..<range.count).reversed() where last > 0 {
            let other = interval(UInt64(last))
            values.swapAt(range.lowerBound + last, range.lowerBound + other)
        }
    }

    mutating func shuffle<Element>(_ values: inout [Element]) { shuffle(&values, 0..<values.count) }

    private mutating func interval(_ largest: UInt64) -> Int {
        let mask = UInt64.max >> UInt64(largest.leadingZeroBitCount)
        while true {
            let value = (largest <= 0xFFFF_FFFF ? UInt64(next32()) : next64()) & mask
            if value <= largest { return Int(value) }
        }
    }
}

/// NumPy's `SeedSequence`: spreads a seed over the state of a generator.
private struct SeedSequence {
    private var pool: [UInt32] = []

    init(_ seed: UInt64) {
        var constant: UInt32 = 0x43b0_d7e5
        func hash(_ value: UInt32) -> UInt32 {
            var word = value ^ constant
            constant = constant &* 0x931e_8875
            word = word &* constant
            return word ^ word >> 16
        }
        for place in 0..<4 { pool.append(hash(place < 2 ? UInt32(truncatingIfNeeded: seed >> (32 * place)) : 0)) }
        for from in 0..<4 {
            for to in 0..<4 where to != from {
                let word = 0xca01_f9dd &* pool[to] &- 0x4973_f715 &* hash(pool[from])
                pool[to] = word ^ word >> 16
            }
        }
    }

    func state64(count: Int) -> [UInt64] {
        var constant: UInt32 = 0x8b51_f9dd
        let words = (0..<2 * count).map { place in
            var word = pool[place % 4] ^ constant
            constant = constant &* 0x58f3_8ded
            word = word &* constant
            return UInt64(word ^ word >> 16)
        }
        return (0..<count).map { words[2 * $0] | words[2 * $0 + 1] << 32 }
    }
}
