public import Core

/// What optimizer states are kept in.
public enum StateStorage: String, Sendable, Hashable, Codable, CaseIterable {
    /// float32, or float64 where weights are.
    case float32
    /// Rounded up or down at random after each step: rounding to nearest would keep a running mean where it is once its
    /// changes are below half a step, about 1/500 of it.
    case bfloat16
    /// 8-bit codes in blocks (`QuantizedBlocks`).
    case eightBit = "8bit"

    /// Arenas whose parameters have fewer elements (norm weights, mostly) keep float32 states under `eightBit`, as in the paper
    /// (Dettmers et al. 2021, arXiv 2110.02861, section 2).
    public static let leastEightBitCount = 4096

    /// What weights of a precision come with: states take no more bits than the weights that they belong to.
    public static func standard(for precision: Precision) -> StateStorage {
        precision == .bfloat16Pure ? .bfloat16 : .float32
    }
}
