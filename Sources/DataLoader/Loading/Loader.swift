import Foundation

/// Hands one data rank its part of every global batch, prefetched on a background thread.
///
/// The samples of a batch are those at the next `batchSize` positions of the stream, whatever the number of ranks:
/// rank r of R gets positions `r * B / R ..< (r + 1) * B / R` of them. So the data of a step do not depend on the
/// layout, and the state is one number. One thread uses a loader.
public final class Loader {
    /// The samples and their order.
    public let stream: any SampleStream
    /// Samples of one batch over all data ranks.
    public let batchSize: Int
    /// This data rank.
    public let rank: Int
    /// The number of data ranks.
    public let rankCount: Int
    /// The position at which the stream ends for this loader, or nil for no end.
    public let end: Int?
    /// Seconds that ``next()`` has waited for data since the start, to be reported beside the step time.
    public private(set) var waitSeconds = 0.0
    /// Samples that all ranks together have consumed.
    public private(set) var cursor: Int
    private let prefetchedBatches: Int
    private var prefetcher: Prefetcher?

    /// - Parameters:
    ///   - stream: samples by position; the same on every rank.
    ///   - batchSize: samples of one batch over all data ranks.
    ///   - rank: this data rank. Ranks that differ only along tensor or pipeline axes pass the same number.
    ///   - rankCount: the number of data ranks.
    ///   - state: where to go on; nil starts at position 0.
    ///   - end: the first position that is not read, e.g. `epochs * stream.epochLength`; nil never ends.
    ///   - prefetchedBatches: batches of this rank that are read ahead; 0 reads in ``next()`` itself.
    /// - Throws: ``DataError`` when `state` belongs to other data or another order.
    public init(
        _ stream: any SampleStream, batchSize: Int, rank: Int = 0, rankCount: Int = 1, state: LoaderState? = nil,
        end: Int? = nil, prefetchedBatches: Int = 2
    ) throws {
        precondition(batchSize > 0, "a batch needs at least one sample")
        precondition(rank >= 0 && rank < rankCount, "rank \(rank) is not one of \(rankCount) data ranks")
        if let state { try Loader.check(state, against: stream) }
        self.stream = stream
        self.batchSize = batchSize
        self.rank = rank
        self.rankCount = rankCount
        self.end = end
        self.prefetchedBatches = prefetchedBatches
        cursor = state?.cursor ?? 0
    }

    deinit { prefetcher?.stop() }

    /// What is needed to go on after the batches that ``next()`` has returned; equal on all ranks.
    public var state: LoaderState {
        LoaderState(fingerprint: stream.fingerprint, plan: stream.plan, cursor: cursor)
    }

    /// Epochs consumed, with fraction.
    public var epoch: Double { Double(cursor) / Double(stream.epochLength) }

    /// This rank's samples of the next global batch; empty at the end (and for a rank without a share in a short
    /// last batch: ask ``isAtEnd``).
    ///
    /// - Throws: what the stream throws for a sample that cannot be read; the cursor stays before that batch.
    public func next() throws -> [Sample] {
        guard !isAtEnd else { return [] }
        let started = ContinuousClock.now
        defer { waitSeconds += (ContinuousClock.now - started) / .seconds(1) }
        let samples: [Sample]
        if prefetchedBatches > 0 {
            samples = try startedPrefetcher().next()
        } else {
            samples = try share(ofBatchAt: cursor).map(stream.sample(at:))
        }
        cursor = min(cursor + batchSize, end ?? Int.max)
        return samples
    }

    /// Whether all positions before ``end`` have been returned.
    public var isAtEnd: Bool { end.map { cursor >= $0 } ?? false }

    private func share(ofBatchAt start: Int) -> Range<Int> {
        Loader.share(ofBatchAt: start, size: batchSize, end: end, rank: rank, of: rankCount)
    }

    /// The positions of `rank` in the batch that starts at `start`.
    static func share(ofBatchAt start: Int, size: Int, end: Int?, rank: Int, of rankCount: Int) -> Range<Int> {
        let length = min(size, max(0, (end ?? Int.max) - start))
        return start + rank * length / rankCount..<start + (rank + 1) * length / rankCount
    }

    private func startedPrefetcher() -> Prefetcher {
        if let prefetcher { return prefetcher }
        let (stream, start, size, end, rank, rankCount) = (stream, cursor, batchSize, end, rank, rankCount)
        let started = Prefetcher(depth: prefetchedBatches) { number in
            let batch = start + number * size
            if let end, batch >= end { return nil }
            return try Loader.share(ofBatchAt: batch, size: size, end: end, rank: rank, of: rankCount)
                .map(stream.sample(at:))
        }
        prefetcher = started
        return started
    }

    private static func check(_ state: LoaderState, against stream: any SampleStream) throws {
        var differences: [String] = []
        if state.fingerprint != stream.fingerprint {
            differences.append("data: was \(state.fingerprint), now \(stream.fingerprint)")
        }
        for key in Set(state.plan.keys).union(stream.plan.keys).sorted() where state.plan[key] != stream.plan[key] {
            differences.append("\(key): was \(state.plan[key] ?? "absent"), now \(stream.plan[key] ?? "absent")")
        }
        guard differences.isEmpty else {
            throw DataError(
                "cannot resume the data order, because it changed (\(differences.joined(separator: "; ")))",
                hint: "restore the data and the data section of the recipe, or start a new run")
        }
        guard state.cursor >= 0 else {
            throw DataError("cannot resume the data order at position \(state.cursor), which is negative")
        }
    }
}
