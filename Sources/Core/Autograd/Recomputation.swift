/// What a recomputed part of a model keeps of its forward pass: a strategy is one function of an operation.
public struct Recomputation: Sendable {
    /// Whether the operation's results are kept.
    let keeps: @Sendable (Operation) -> Bool
    /// Whether what other ranks have sent is kept, instead of being asked for again.
    let keepsExchanges: Bool

    /// - Parameters:
    ///   - exchanges: whether what other ranks have sent is kept.
    ///   - keeps: whether an operation's results are kept for backward; the others are computed again when backward reads
    ///     them.
    public init(exchanges: Bool = true, keeping keeps: @escaping @Sendable (Operation) -> Bool) {
        (keepsExchanges, self.keeps) = (exchanges, keeps)
    }

    /// Nothing is kept: the least memory, about one forward pass more.
    public static let everything = Recomputation(exchanges: false) { _ in false }

    /// The results of attention and of matrix products are kept where a byte of them takes `expensive` FLOPs or more,
    /// but not those of products that more than double the width: they are most of what a block would keep. What is
    /// bound by memory is computed again, which costs about as much as keeping it would.
    public static let selective = Recomputation { operation in
        func widens(_ from: BufferView, _ to: BufferView) -> Bool {
            (to.shape.last ?? 0) > 2 * (from.shape.last ?? 0)
        }
        switch operation {
        case .matmul(let product) where widens(product.a, product.c): return false
        case .quantizedMatmul(let product) where widens(product.a, product.c): return false
        case .groupedMatmul(let product) where widens(product.a, product.c): return false
        default: break
        }
        let byteCount = operation.operands.outputs.reduce(0) { $0 + $1.elementCount * $1.dtype.byteCount }
        return operation.flopCount >= expensive * byteCount && byteCount > 0
    }

    /// FLOPs a byte, some ten times what processors do in the time in which they move a byte.
    private static let expensive = 128
}
