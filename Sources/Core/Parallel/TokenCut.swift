// T tokens of a row, c context ranks

/// Which tokens of each row of a micro-batch a rank has.
///
/// A row is cut into equal chunks, which context ranks hold; where it does not divide, it is longer by tokens at its
/// end that are not trained and that no token of the row sees.
public struct TokenCut: Sendable, Hashable {
    /// The chunks of each context rank, in the order in which it holds them.
    public var chunks = [[0]]
    /// This rank's place among the context ranks.
    public var rank = 0
    /// Ranks that hold equal parts each of these tokens between layers, see `TensorExchange`.
    public var streamRanks = 1

    public init() {}

    /// Chunks that follow each other.
    public static func contiguous(_ ranks: Int) -> [[Int]] { (0..<ranks).map { [$0] } }

    /// Of 2c chunks one from the beginning and one from the end, so that all ranks' queries see as many keys.
    public static func balanced(_ ranks: Int) -> [[Int]] { (0..<ranks).map { [$0, 2 * ranks - 1 - $0] } }

    private var chunkCount: Int { chunks.reduce(0) { $0 + $1.count } }

    /// T with what is added at its end.
    public func paddedLength(_ length: Int) -> Int {
        let multiple = chunkCount * streamRanks
        return (length + multiple - 1) / multiple * multiple
    }

    /// The places in a row of this rank's tokens, in order.
    /// - Parameter length: T; places from there on are of what is added.
    public func places(inRow length: Int) -> [Int] {
        let size = paddedLength(length) / chunkCount
        return chunks[rank].flatMap { $0 * size..<($0 + 1) * size }
    }
}
