internal import Random

/// A keyed bijection of `0..<count` in O(1) memory and time: any position can be asked for, in any order.
///
/// A balanced Feistel network over the next power of four, walked until the value falls inside (Black and Rogaway,
/// "Ciphers with arbitrary finite domains", CT-RSA 2002, section 3.3, "cycle walking"): at most four steps on average.
public struct Permutation: Sendable {
    /// The number of elements.
    public let count: Int
    private let half: UInt64
    private let mask: UInt64
    private let key: UInt64

    /// Rounds of the network. Four suffice for large halves; small halves mix little a round.
    private static let rounds: UInt64 = 8

    /// - Parameters:
    ///   - count: the number of elements.
    ///   - seed: the run's seed.
    ///   - stream: what the permutation is for; different names give independent permutations.
    public init(count: Int, seed: UInt64, stream: String) {
        self.init(count: count, key: Philox(seed: seed, stream: stream).bits(at: 0))
    }

    /// - Parameters:
    ///   - count: the number of elements.
    ///   - key: 64 random bits that choose the permutation.
    init(count: Int, key: UInt64) {
        precondition(count >= 0, "a permutation cannot have \(count) elements")
        self.count = count
        let bits = count > 1 ? Int.bitWidth - (count - 1).leadingZeroBitCount : 0
        half = UInt64((bits + 1) / 2)
        mask = (1 << half) - 1
        self.key = key
    }

    /// The image of `position`, in `0..<count`.
    public func callAsFunction(_ position: Int) -> Int {
        precondition(position >= 0 && position < count, "there is no position \(position) in 0..<\(count)")
        guard count > 1 else { return position }
        var value = UInt64(position)
        repeat {
            var left = value >> half
            var right = value & mask
            for round in 1...Permutation.rounds {
                (left, right) = (right, left ^ (Permutation.mix(right, key &+ round &* 0x9e37_79b9_7f4a_7c15) & mask))
            }
            value = left << half | right
        } while value >= UInt64(count)
        return Int(value)
    }

    /// A round function: the finaliser of MurmurHash3 (every input bit changes every output bit), keyed.
    @inline(__always)
    private static func mix(_ value: UInt64, _ key: UInt64) -> UInt64 {
        var word = value &+ key
        word = (word ^ word >> 33) &* 0xff51_afd7_ed55_8ccd
        word = (word ^ word >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return word ^ word >> 33
    }
}
