public import Core

/// What ranks agree on beside tensors.
extension RankPlan {
    /// Numbers of the rank that has the head, for all ranks of its pipeline.
    func fromLastStage(_ values: [Double]) throws -> [Double] {
        let ranks = mesh.along(.pipeline)
        guard ranks.rankCount > 1 else { return values }
        let last = pipeline.shape(microBatches: 1).place(ofStage: pipeline.layerCounts.count - 1).rank
        let bytes = try ranks.broadcast(values.withUnsafeBytes(Array.init), from: last)
        return bytes.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
    }

    /// Named numbers added up over ranks, each of which knows some of the names.
    static func total(_ values: [String: Double], over ranks: Communicator) throws -> [String: Double] {
        let own = values.keys.sorted().joined(separator: "\n")
        let known = try ranks.rankCount == 1
            ? [own] : ranks.gather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let names = Set(known.flatMap { $0.split(separator: "\n").map(String.init) }).sorted()
        return Dictionary(uniqueKeysWithValues: zip(names, try ranks.sum(names.map { values[$0] ?? 0 })))
    }

    /// The ranks that have different parts of a step's figures: samples of their own, or the head.
    var figureRanks: Communicator { mesh.along(.pipeline, .data, .expert) }

    /// Whether this rank is the one of its pipeline that speaks for its samples.
    var speaksForSamples: Bool { mesh.along(.pipeline).rank == 0 }

    /// Whether every data rank reads all samples of a step, since documents share sequences.
    public func packsTogether(_ settings: TrainingSettings) -> Bool { settings.packs && data.rankCount > 1 }

    /// How many micro-batches every rank does: as many as the one with the most, and as the schedule wants.
    func agreedCount(_ count: Int) throws -> Int {
        pipeline.roundedUp(Int(try data.gather(Double(count)).max() ?? 0))
    }

    /// Whether any rank says so.
    func any(_ flag: Bool) throws -> Bool { try mesh.world.gather(flag ? 1 : 0).contains(1) }
}
