// n elements of an arena, d ranks that share it

/// Moves gradients and weights of arenas between the ranks that see different tokens, while a step runs.
///
/// Gradients are sums over micro-batches and ranks, never means: every loss term is divided by its weight over the whole
/// step. All ranks do the same in the same order, ranks without work too.
public final class ArenaExchange: BlockPasses {
    private final class Member {
        let arena: Arena
        let shards: Communicator
        let replicas: Communicator
        /// Backward passes that are still to come in this step.
        var passesLeft = 0
        var gathering: PendingCollective?
        /// What arrives of the owned gradients, and the sum under way.
        var reducing: (PendingCollective, arrived: Tensor?)?

        init(_ arena: Arena, _ shards: Communicator, _ replicas: Communicator) {
            (self.arena, self.shards, self.replicas) = (arena, shards, replicas)
        }

        var level: ArenaSharding.Level { arena.sharding.level }
    }

    /// What a backward pass computes.
    public enum Backward: Sendable, Hashable {
        case all
        case inputs
        case weights
    }

    private let store: ParameterStore
    private let plan: RankPlan
    private var members: [String: [Member]] = [:]
    private let all: [Member]
    /// The blocks of each stage in order, and the others that the stage needs.
    private let stages: [(layers: [String], ends: [String])]
    private var current = (stage: 0, kind: Backward.all)
    /// Blocks of the pass under way whose backward has begun, and those where it has ended.
    private var (begun, ended): (Set<String>, Set<String>) = ([], [])

    public init(_ store: ParameterStore, _ plan: RankPlan) {
        (self.store, self.plan) = (store, plan)
        all = store.arenas.map { arena in
            let whole = plan.reduction(isExpert: arena.key.isExpert)
            if arena.sharding.level == .nothing { return Member(arena, whole.neighbours(1), whole) }
            let (shards, replicas) = plan.groups(isExpert: arena.key.isExpert)
            return Member(arena, shards, replicas)
        }
        for member in all { members[member.arena.block, default: []].append(member) }
        stages = plan.stages.map { stage in
            (stage.layers.map(DecoderConfiguration.blockName), stage.ends(plan.configuration))
        }
    }

    // MARK: a step

    /// Before the first micro-batch.
    public func startStep(microBatches: Int) {
        for member in all {
            // A rank may have both ends of a pipeline, and with them a tied embedding twice.
            let uses = stages.count { $0.layers.contains(member.arena.block) || $0.ends.contains(member.arena.block) }
            member.passesLeft = microBatches * uses
            member.arena.zeroGradients()
        }
    }

    /// After the last one: the owned gradients are those of the whole step.
    public func finishStep() {
        for member in all where member.arena.group != nil {
            finishReducing(member)
            if member.level >= .states, let owned = member.arena.ownedGradients { member.replicas.run(.allReduce(owned)) }
        }
        // Sums over ranks commute, so those that share a parameter come last and only once a step.
        for member in all {
            guard let gradients = member.arena.ownedGradients else { continue }
            for entry in member.arena.entries {
                let common = entry.range.clamped(to: member.arena.owned)
                guard let sharers = store.places[entry.name]?.sharers, !common.isEmpty else { continue }
                let part = Tensor(
                    gradients.view.sliced(dim: 0, common.from(member.arena.owned.lowerBound)), gradients.runtime)
                for communicator in sharers { communicator.run(.allReduce(part)) }
            }
        }
    }

    /// After the weights have changed: what layers read is whole again.
    public func gatherWeights() {
        let started = all.compactMap { member -> PendingCollective? in
            guard member.level == .states || member.level == .gradients, let compute = member.arena.compute else {
                return nil
            }
            let mine = Tensor(compute.view.sliced(dim: 0, member.arena.owned), compute.runtime)
            return member.shards.start(.allGather(mine, into: compute))
        }
        for collective in started { collective.finish() }
    }

    // MARK: passes of a stage

    /// Before and after the forward of a rank's stage, counted among its own.
    public func startForward(_ stage: Int) {
        current.stage = stage
        stages[stage].ends.forEach(bringWeights)
    }

    public func endForward(_ stage: Int) { stages[stage].ends.forEach(dropWeights) }

    public func startBackward(_ stage: Int, _ kind: Backward) {
        current = (stage, kind)
        (begun, ended) = ([], [])
        for block in stages[stage].ends { begin(block) }
        // Deferred weight gradients have no order.
        if kind == .weights { stages[stage].layers.reversed().forEach(willBackward) }
    }

    /// Also ends what backward did not come by.
    public func endBackward(_ stage: Int) {
        for block in stages[stage].layers.reversed() {
            if !begun.contains(block) { willBackward(block) }
            if !ended.contains(block) { didBackward(block) }
        }
        for block in stages[stage].ends { end(block) }
    }

    /// What a rank does that has no work in a micro-batch, so that others do not wait for it.
    public func idleForward(_ stage: Int) {
        startForward(stage)
        for block in stages[stage].layers {
            willForward(block)
            didForward(block)
        }
        endForward(stage)
    }

    // MARK: BlockPasses

    public func willForward(_ block: String) {
        bringWeights(block)
        prefetch(after: block, in: stages[current.stage].layers)
    }

    public func didForward(_ block: String) { if plan.storage.reshards { dropWeights(block) } }

    public func willBackward(_ block: String) {
        begin(block)
        prefetch(after: block, in: stages[current.stage].layers.reversed())
    }

    public func didBackward(_ block: String) {
        ended.insert(block)
        end(block)
    }

    // MARK: weights

    private func begin(_ block: String) {
        begun.insert(block)
        bringWeights(block)
        // Some operations find both kinds of gradient at once, so memory for the weights' is there in either pass.
        for member in members[block] ?? [] {
            guard let gradients = member.arena.gradients, !gradients.view.buffer.isLoaded else { continue }
            gradients.view.buffer.load(from: gradients.runtime.backend)
            gradients.runtime.run(.fill(gradients.view, value: 0))
        }
    }

    private func end(_ block: String) {
        dropWeights(block)
        guard current.kind != .inputs else { return }
        for member in members[block] ?? [] { reduce(member) }
    }

    private func bringWeights(_ block: String) {
        startGathering(block)
        for member in members[block] ?? [] {
            member.gathering?.finish()
            member.gathering = nil
        }
    }

    private func dropWeights(_ block: String) {
        for member in members[block] ?? [] where member.level == .weights { member.arena.compute?.view.buffer.unload() }
    }

    private func startGathering(_ block: String) {
        for member in members[block] ?? [] where member.level == .weights {
            guard let compute = member.arena.compute, !compute.view.buffer.isLoaded else { continue }
            compute.view.buffer.load(from: compute.runtime.backend)
            let mine = Tensor(compute.view.sliced(dim: 0, member.arena.owned), compute.runtime)
            compute.runtime.run(.copy(from: member.arena.weights.view, to: mine.view))
            member.gathering = member.shards.start(.allGather(mine, into: compute))
        }
    }

    private func prefetch(after block: String, in order: [String]) {
        guard let place = order.firstIndex(of: block) else { return }
        order.dropFirst(place + 1).prefix(plan.storage.prefetch).forEach(startGathering)
    }

    // MARK: gradients

    /// Sums an arena's gradients over ranks: after each pass where they are sharded, else after the last one.
    private func reduce(_ member: Member) {
        guard let gradients = member.arena.gradients else { return }
        member.passesLeft -= 1
        let runtime = gradients.runtime
        switch member.level {
        case .nothing:
            if member.passesLeft == 0 { member.reducing = (member.replicas.start(.allReduce(gradients)), nil) }
        case .states:
            guard member.passesLeft == 0 else { return }
            let arrived = runtime.empty([member.arena.owned.count], gradients.dtype)
            member.reducing = (member.shards.start(.reduceScatter(gradients, into: arrived)), arrived)
        case .gradients, .weights:
            let arrived = runtime.empty([member.arena.owned.count], gradients.dtype)
            member.shards.run(.reduceScatter(gradients, into: arrived))
            gradients.view.buffer.unload()
            guard let shard = member.arena.gradientShard else { return }
            runtime.run(.map(.addition, inputs: [shard.view, arrived.view], outputs: [shard.view], scalars: []))
        }
    }

    private func finishReducing(_ member: Member) {
        guard let (collective, arrived) = member.reducing else { return }
        collective.finish()
        member.reducing = nil
        if let arrived, let owned = member.arena.ownedGradients {
            arrived.runtime.run(.copy(from: arrived.view, to: owned.view))
        }
    }
}
