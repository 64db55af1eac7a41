/// What a forward pass did and what is kept of it, so that it can be done again in backward.
final class KeptWork {
    /// The name of an exchange among those of operations.
    static let exchange = "exchange"

    /// The size of each allocation, in order.
    var allocations: [Int] = []
    /// The name of each operation, in order.
    var operations: [String] = []
    /// Kept results, by the number of their allocation.
    var buffers: [Int: Buffer] = [:]
}
