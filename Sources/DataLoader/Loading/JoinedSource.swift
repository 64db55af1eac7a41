/// Several sources one after the other, as if they were one.
public struct JoinedSource: SampleSource {
    /// The shards of all sources.
    public let layout: ShardLayout
    /// The digest of all sources' data, in order.
    public let fingerprint: String
    private let sources: [any SampleSource]
    /// The first sample of each source.
    private let starts: [Int]

    /// - Precondition: at least one source.
    public init(_ sources: [any SampleSource]) {
        precondition(!sources.isEmpty, "there is nothing to join")
        self.sources = sources
        let layouts = sources.map(\.layout)
        layout = ShardLayout(
            sizes: layouts.flatMap { layout in (0..<layout.shardCount).map { layout.range(ofShard: $0).count } },
            totalBytes: layouts.reduce(0) { $0 + $1.count * $1.meanSampleBytes })
        starts = layouts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let prints = sources.map(\.fingerprint).joined(separator: " ")
        fingerprint = "joined-" + Array(prints.utf8).withUnsafeBytes { HashAlgorithm.sha256.digest(of: $0) }.prefix(16)
    }

    /// The sample at `index`, from the source that has it.
    public func sample(at index: Int) throws -> Sample {
        let number = ShardLayout.lastStart(notAfter: index, in: starts)
        return try sources[number].sample(at: index - starts[number])
    }
}
