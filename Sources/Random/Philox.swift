/// A counter-based random source: every number is a pure function of (seed, stream, index).
///
/// Because a number depends on the position of the element that it is for, and never on how many numbers were drawn
/// before or on which rank draws it, initialisation and dropout are the same bits under every layout.
///
/// Philox-4x32 with ten rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.
/// The key is the seed; the counter is (index, stream), two 64-bit halves.
public struct Philox: Sendable, Hashable {
    /// The run's seed.
    public let seed: UInt64
    /// A 64-bit name of what the numbers are for, e.g. the hash of "init/layers.3.mlp.up_proj".
    public let stream: UInt64

    /// - Parameters:
    ///   - seed: the run's seed.
    ///   - stream: what the numbers are for; different names give independent sequences.
    public init(seed: UInt64, stream: String) {
        self.init(seed: seed, stream: Philox.hash(stream))
    }

    /// - Parameters:
    ///   - seed: the run's seed.
    ///   - stream: an already hashed stream name.
    public init(seed: UInt64, stream: UInt64) {
        self.seed = seed
        self.stream = stream
    }

    /// FNV-1a, 64 bits: short, stable, and written down in the checkpoint's format.
    public static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// The four 32-bit words at counter `index`.
    public func block(at index: UInt64) -> SIMD4<UInt32> {
        // Scalars: a vector of four lanes costs nine times as much here.
        var c0 = UInt32(truncatingIfNeeded: index), c1 = UInt32(truncatingIfNeeded: index >> 32)
        var c2 = UInt32(truncatingIfNeeded: stream), c3 = UInt32(truncatingIfNeeded: stream >> 32)
        var key0 = UInt32(truncatingIfNeeded: seed)
        var key1 = UInt32(truncatingIfNeeded: seed >> 32)
        for _ in 0..<10 {
            let product0 = UInt64(c0) &* 0xD251_1F53
            let product1 = UInt64(c2) &* 0xCD9E_8D57
            c0 = UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ key0
            c1 = UInt32(truncatingIfNeeded: product1)
            c2 = UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ key1
            c3 = UInt32(truncatingIfNeeded: product0)
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return SIMD4(c0, c1, c2, c3)
    }

    /// 64 random bits for element `index`.
    public func bits(at index: UInt64) -> UInt64 {
        let words = block(at: index)
        return UInt64(words[1]) << 32 | UInt64(words[0])
    }

    /// A number in [0, 1) for element `index`, 53 bits.
    public func uniform(at index: UInt64) -> Double {
        Double(bits(at: index) >> 11) * 0x1p-53
    }

    /// An integer in 0..<bound for element `index`, without modulo bias beyond 2^-64.
    public func integer(at index: UInt64, below bound: UInt64) -> UInt64 {
        bits(at: index).multipliedFullWidth(by: bound).high
    }
}
