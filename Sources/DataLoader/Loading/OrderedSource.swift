import Synchronization

/// A source read in a shuffle's order, epoch after epoch.
public final class OrderedSource: SampleStream {
    /// The samples.
    public let source: any SampleSource
    /// What makes the order of an epoch.
    public let shuffle: any Shuffle
    /// The number of positions of an epoch; a compatibility order may repeat samples to fill its rows.
    public let epochLength: Int
    private let recent: Mutex<[(epoch: Int, order: any SampleOrder)]>

    /// - Throws: ``DataError`` when the source is empty or the shuffle cannot order it.
    public init(_ source: any SampleSource, shuffle: any Shuffle = SequentialShuffle()) throws {
        guard source.count > 0 else {
            throw DataError("cannot read samples from an empty data set", hint: "check the paths of data.train")
        }
        let first = try shuffle.order(epoch: 0, of: source.layout)
        self.source = source
        self.shuffle = shuffle
        epochLength = first.count
        recent = Mutex([(0, first)])
    }

    /// The digest of the source.
    public var fingerprint: String { source.fingerprint }

    /// The shuffle's name and parameters.
    public var plan: [String: String] { shuffle.plan }

    /// The sample at `position`: epoch `position / epochLength`, then that epoch's order.
    public func sample(at position: Int) throws -> Sample {
        try source.sample(at: index(at: position))
    }

    /// The index in the source of the sample at `position`.
    public func index(at position: Int) throws -> Int {
        let (epoch, offset) = position.quotientAndRemainder(dividingBy: epochLength)
        return try order(epoch: epoch).index(at: offset)
    }

    /// Two epochs are kept, because a batch (and a prefetcher) may stand on the border of them.
    private func order(epoch: Int) throws -> any SampleOrder {
        try recent.withLock { recent in
            if let known = recent.first(where: { $0.epoch == epoch }) { return known.order }
            let order = try shuffle.order(epoch: epoch, of: source.layout)
            if recent.count == 2 { recent.removeFirst() }
            recent.append((epoch, order))
            return order
        }
    }
}
