public import Core
internal import Foundation

/// Samples from a policy's own weights, whatever its ranks hold of them.
///
/// Where no rank has the whole model, each keeps a copy of it in the type that layers read, and fills it before it samples.
/// Ranks that see the same samples share the requests: random numbers are keyed by request and position, so it makes no
/// difference which of them draws.
public final class PolicySampler {
    private let policy: PolicyModel
    private let makeCopy: () throws -> PolicyModel
    private var copy: PolicyModel?

    /// - Parameter makeCopy: allocates a frozen model of the policy's shape and precision on this rank alone.
    public init(_ policy: PolicyModel, copy makeCopy: @escaping () throws -> PolicyModel) {
        (self.policy, self.makeCopy) = (policy, makeCopy)
    }

    /// Results in the order of the requests, which are the same on all ranks that see the same samples. Called by all ranks.
    /// - Throws: `GenerationError`; what other ranks' failures throw.
    public func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        let model = try whole()
        let ranks = policy.plan.mesh.along(.pipeline, .context, .tensor)
        // Samples of one prompt stay together as far as they go.
        func first(_ rank: Int) -> Int { requests.count * rank / ranks.rankCount }
        let own = Array(requests[first(ranks.rank)..<first(ranks.rank + 1)])
        let results = try Generator(model.decoder, model.runtime).generate(own)
        if ranks.rankCount == 1 { return results }
        return try ranks.gather(Array(JSONEncoder().encode(results))).flatMap {
            try JSONDecoder().decode([GenerationResult].self, from: Data($0))
        }
    }

    /// The policy, or the copy with the policy's weights of now.
    private func whole() throws -> PolicyModel {
        if policy.plan.hasWholeModel { return policy }
        let model = try copy ?? makeCopy()
        copy = model
        try model.fill(from: policy)
        return model
    }
}

extension PolicyModel {
    /// Brings together weights of which each rank holds a part. Called by all ranks.
    /// - Parameter policy: of this one's shape.
    fileprivate func fill(from policy: PolicyModel) throws {
        for arena in store.arenas { runtime.run(.fill(arena.weights.view, value: 0)) }
        var inArenas: Set<String> = []
        for arena in policy.store.arenas {
            for entry in arena.entries {
                inArenas.insert(entry.name)
                guard arena.sharding.speaks, entry.isCounted else { continue }
                for box in arena.ownedBoxes(of: entry) { set(entry.name, at: box.offset, box.view(of: arena.weights).view) }
            }
        }
        // Those that are read where they lie in a file are whole wherever they are.
        for parameter in policy.store.parameters where !inArenas.contains(parameter.name) {
            guard policy.store.places[parameter.name]?.isCounted == true, policy.plan.data.rank == 0,
                policy.plan.mesh.along(.context).rank == 0
            else { continue }
            set(parameter.name, at: parameter.shape.map { _ in 0 }, parameter.value.view)
        }
        // Each element is one rank's and 0 elsewhere, so their sum is exact.
        for arena in store.arenas { policy.plan.mesh.world.run(.allReduce(arena.weights)) }
        try policy.plan.mesh.link.check()
    }

    private func set(_ name: String, at offset: [Int], _ values: BufferView) {
        let box = offset.indices.reduce(store[name].value.view) {
            $0.sliced(dim: $1, offset[$1]..<offset[$1] + values.shape[$1])
        }
        runtime.run(.copy(from: values, to: box))
    }
}
