/// Makes the order in which an epoch reads a data set: a pure function of (plan, layout, epoch).
public protocol Shuffle: Sendable {
    /// The name in a recipe and everything that the order depends on, e.g. `["shuffle": "feistel", "seed": "7"]`.
    var plan: [String: String] { get }
    /// The order of one epoch.
    ///
    /// - Throws: ``DataError`` when the layout cannot be ordered with this plan.
    func order(epoch: Int, of layout: ShardLayout) throws -> any SampleOrder
}

/// The order of one epoch: position to sample index.
public protocol SampleOrder: Sendable {
    /// The number of positions; at least the number of samples.
    var count: Int { get }
    /// The index of the sample that is read at `position`, in `0..<count`.
    func index(at position: Int) -> Int
}

/// The samples as they are stored (`shuffle: none`).
public struct SequentialShuffle: Shuffle {
    /// There is nothing to choose.
    public init() {}

    /// `none`.
    public var plan: [String: String] { ["shuffle": "none"] }

    /// Position i reads sample i.
    public func order(epoch: Int, of layout: ShardLayout) -> any SampleOrder { Identity(count: layout.count) }

    struct Identity: SampleOrder {
        let count: Int
        func index(at position: Int) -> Int { position }
    }
}
