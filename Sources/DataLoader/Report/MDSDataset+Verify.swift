extension MDSDataset {
    /// Opens every shard from its file, checks it against the index, and reads the head of every sample.
    ///
    /// - Returns: one problem a damaged or missing shard; empty when all is well.
    public func verify() -> [DataError] {
        var problems: [DataError] = []
        for (number, start) in layout.starts.dropLast().enumerated() {
            do {
                let shard = try verifyShard(number)
                for place in 0..<shard.sampleCount { _ = try sample(place, of: shard, index: start + place) }
            } catch let error as DataError {
                problems.append(error)
            } catch {
                problems.append(DataError("cannot read shard \(index.shards[number].stored.name): \(error)"))
            }
        }
        return problems
    }

    /// Shards whose stored file has no checksum that can be computed: damage there may go unseen.
    public var unverifiableShards: [String] {
        index.shards.filter { $0.stored.verifiable == nil && $0.raw.verifiable == nil }.map(\.stored.name)
    }
}
