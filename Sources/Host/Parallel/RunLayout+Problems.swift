import Core
package import PluginAPI

extension RunLayout {
    /// What strategies are told of a recipe's run.
    func run(_ recipe: Recipe, _ configuration: DecoderConfiguration) -> DividedRun {
        DividedRun(
            configuration: configuration, mesh: shape, microBatchSize: recipe.batch.micro ?? recipe.batch.size,
            batchSize: recipe.batch.size, sequenceLength: recipe.sequence.length)
    }

    /// Everything that keeps a recipe's model and batch from being laid out like this.
    func problems(_ recipe: Recipe, _ inputs: TrainingInputs) -> [InputProblem] {
        let run = run(recipe, inputs.source.configuration)
        let problems = problems(run) + balanceProblems(run, recipe)
        return problems.isEmpty ? stateProblems(run, recipe, inputs.groups) : problems
    }

    /// The balancing loss of experts is taken over a micro-batch, so every layout must have those of one rank.
    private func balanceProblems(_ run: DividedRun, _ recipe: Recipe) -> [InputProblem] {
        let configuration = run.configuration
        let coefficient = recipe.objective.settings.routerBalance ?? configuration.experts?.balanceCoefficient ?? 0
        let (ranks, size, micro) = (run.sampleRankCount, run.batchSize, run.microBatchSize)
        if configuration.expertLayerCount == 0 || coefficient == 0 || ranks == 1 || size % (ranks * micro) == 0 { return [] }
        return [
            InputProblem(
                "batch", "\(size) samples over \(ranks) ranks are no whole micro-batches of \(micro), over which the balancing "
                    + "loss of experts is taken: it would be another loss than that of one rank",
                fix: "batch.size=\((size + ranks * micro - 1) / (ranks * micro) * ranks * micro), or objective.router_balance=0")
        ]
    }

    /// Elements of an 8-bit block share a scale, so a block is on one rank, or it would be another block.
    private func stateProblems(_ run: DividedRun, _ recipe: Recipe, _ groups: ParameterGroups) -> [InputProblem] {
        guard recipe.optimizerSettings.states == .eightBit, shape.rankCount > 1 else { return [] }
        let specs = DecoderModel.specs(run.configuration)
        var counts: [Arena.Key: Int] = [:]
        for spec in specs { counts[Arena.Key(spec, group: groups.number(of: spec.name)), default: 0] += spec.elementCount }
        // Data and context ranks divide at whole blocks.
        for rank in shape.members(along: [.tensor, .expert, .pipeline], with: 0) {
            let plan = plan(.planned(shape, rank: rank), run.configuration)
            for spec in specs {
                let key = Arena.Key(spec, group: groups.number(of: spec.name))
                guard key.group != nil, counts[key, default: 0] >= StateStorage.leastEightBitCount,
                    let part = plan.holding(spec)?.part, !part.keepsTogether(Arena.shardAlignment, in: spec.shape)
                else { continue }
                return [
                    InputProblem(
                        "optimizer.states",
                        "8bit keeps blocks of \(Arena.shardAlignment) elements, and \(mesh) cuts blocks of \(spec.name) "
                            + "\(spec.shape) into parts \(part.shape): the states would be others than those of one rank",
                        fix: "optimizer.states=bfloat16, or another parallel.tensor")
                ]
            }
        }
        return []
    }
}

extension DividedRun {
    /// Ranks that train on samples of their own; others share theirs.
    package var sampleRankCount: Int { mesh[.data] * mesh[.expert] }

    /// Samples of an optimizer step on a rank, at most.
    package var sampleCount: Int { (batchSize + sampleRankCount - 1) / sampleRankCount }

    /// Micro-batches of an optimizer step on a rank, at most; ranks with fewer samples have empty ones.
    package var microBatchCount: Int { (sampleCount + microBatchSize - 1) / microBatchSize }
}
