// K depth of a product, S keys that a query sees, D head size

/// What a recomputed part of a model keeps of its forward pass: a strategy is one function of an operation.
public struct Recomputation: Sendable {
    /// Whether the operation's results are kept.
    let keeps: @Sendable (Operation) -> Bool

    /// - Parameter keeps: whether an operation's results are kept for backward; the others are computed again when backward
    ///   reads them.
    public init(keeping keeps: @escaping @Sendable (Operation) -> Bool) { self.keeps = keeps }

    /// Nothing is kept: the least memory, about one forward pass more.
    public static let everything = Recomputation { _ in false }

    /// The results of attention and of matrix products are kept where a byte of them takes `expensive` FLOPs or more:
    /// everything that is bound by memory is computed again, which costs about as much as keeping it would.
    public static let cheapResults = Recomputation { $0.flopsPerResultByte >= expensive }

    /// FLOPs a byte, some ten times what processors do in the time in which they move a byte.
    private static let expensive = 128.0
}

extension Operation {
    /// FLOPs of products and attention by the bytes of their result; 0 for operations that are bound by memory.
    fileprivate var flopsPerResultByte: Double {
        switch self {
        case .matmul(let product):
            return 2 * Double(product.a.shape[product.a.dimCount - 1]) / Double(product.c.dtype.byteCount)
        case .attention(let attention):
            // 4 S D FLOPs for D results of a query, half of the keys being visible.
            let keys = Double(attention.k.shape[1]) / 2
            let seen = attention.window.map { min(Double($0), keys) } ?? keys
            return 4 * seen / Double(attention.out.dtype.byteCount)
        default:
            return 0
        }
    }
}
