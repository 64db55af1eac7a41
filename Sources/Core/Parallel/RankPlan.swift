/// How one rank takes part in a run.
///
/// It begins as a rank that holds the whole model, and strategies refine it one after the other: inside of blocks
/// (tensor, context, expert), across blocks (pipeline), then how parameters are stored (data). Trainers and layers never
/// look at it.
public struct RankPlan {
    public let mesh: Mesh
    public let configuration: DecoderConfiguration
    /// How layers of this rank meet those of ranks that share their work.
    public var exchange: any LayerExchange = WholeLayers()
    /// Which tokens of each row this rank has.
    public var tokens = TokenCut()
    /// How attention is done with ranks that have other tokens of the same rows.
    public var attention: any AttentionExchange = WholeAttention()
    /// How tokens reach experts that other ranks hold.
    public var experts: any ExpertExchange = WholeExperts()
    /// What this rank holds of a parameter, of those of experts that it has; nil = nothing.
    public var place: (ParameterSpec) -> ParameterPlace? = { ParameterPlace(whole: $0.shape) }
    public var pipeline: PipelinePlan
    /// What ranks that see different tokens divide instead of each keeping all of it.
    public var storage = Storage()

    /// How arenas are divided over the ranks that see different tokens.
    public struct Storage: Sendable, Hashable {
        public var level = ArenaSharding.Level.nothing
        /// Data ranks that share one copy; nil = all.
        public var sharingRanks: Int?
        /// How many blocks ahead weights are brought together.
        public var prefetch = 1
        /// Whether weights are given up between a block's forward and its backward.
        public var reshards = true

        public init() {}
    }

    public init(_ mesh: Mesh, _ configuration: DecoderConfiguration) {
        (self.mesh, self.configuration) = (mesh, configuration)
        pipeline = .alone(configuration)
    }

    /// Whether this rank has all weights of the model at any time, as generation needs them.
    public var hasWholeModel: Bool {
        storage.level < .weights && pipeline.layerCounts.count == 1 && mesh.shape[.tensor] == 1 && mesh.shape[.expert] == 1
    }

    /// What this rank holds of a parameter; nil = nothing.
    public func holding(_ spec: ParameterSpec) -> ParameterPlace? {
        if let expert = spec.placement.expert, !experts.holds(expert) { return nil }
        return place(spec)
    }

    /// Whether ranks that read different samples meet inside of blocks, so that all go through the same ones.
    public var meetsAcrossSamples: Bool { mesh.shape[.expert] > 1 }

    /// The ranks that read different samples.
    public var data: Communicator { mesh.along(.data, .expert) }

    /// This rank's stages, by chunk.
    public var stages: [ModelStage] {
        pipeline.stageNumbers(ofRank: mesh.along(.pipeline).rank).map(pipeline.stage)
    }

    /// Leaves this rank what its stages of the pipeline need.
    ///
    /// A tied embedding is needed by the first and the last stage, which both update it: its gradient is the sum of theirs.
    public mutating func dealOutLayers() {
        let (stages, inner, configuration) = (stages, place, configuration)
        let ranks = mesh.along(.pipeline)
        let last = pipeline.shape(microBatches: 1).place(ofStage: pipeline.layerCounts.count - 1).rank
        place = { spec in
            guard stages.contains(where: { $0.needs(spec, of: configuration) }), var place = inner(spec) else { return nil }
            if last != 0, configuration.isTied, spec.name == configuration.headName {
                place.sharers.append(ranks.ends())
                place.isCounted = place.isCounted && ranks.rank == 0
            }
            return place
        }
    }

    /// The ranks that hold the same parameters and see different tokens, so that gradients are sums over them.
    func reduction(isExpert: Bool) -> Communicator {
        isExpert ? mesh.along(.data, .context) : mesh.along(.data, .expert, .context)
    }

    /// How many ranks share one copy of an arena.
    private func sharingCount(isExpert: Bool) -> Int {
        if storage.level == .nothing { return 1 }
        let all = reduction(isExpert: isExpert)
        return storage.sharingRanks.map { $0 * (all.rankCount / mesh.shape[.data]) } ?? all.rankCount
    }

    /// The ranks that share one copy of an arena, and those that own the same of other copies.
    func groups(isExpert: Bool) -> (shards: Communicator, replicas: Communicator) {
        let (all, count) = (reduction(isExpert: isExpert), sharingCount(isExpert: isExpert))
        return (all.neighbours(count), all.across(count))
    }

    /// How an arena of this rank is divided.
    /// - Parameter isWhole: whether updates need all of it (whole-matrix optimizers): it is not divided then.
    public func sharding(_ key: Arena.Key, isWhole: Bool) -> ArenaSharding {
        let (shards, replicas) = groups(isExpert: key.isExpert)
        // Frozen parameters have neither gradients nor states, and are read, not kept twice.
        if key.group == nil || isWhole || storage.level == .nothing {
            return ArenaSharding(.nothing, rank: 0, of: 1, speaks: reduction(isExpert: key.isExpert).rank == 0)
        }
        return ArenaSharding(storage.level, rank: shards.rank, of: shards.rankCount, speaks: replicas.rank == 0)
    }
}
