import Core
import DataLoader
import PluginAPI

/// What one rank works with in a recipe's run, made from the recipe by name and filled from a checkpoint.
struct RankRun {
    let policy: PolicyModel
    let update: WeightUpdate
    let trainer: any Trainer
    let session: TrainingSession
    let loader: Loader
    let schedule: Schedule
    let plan: RunPlan
    let progress: RunProgress

    /// - Throws: what a part of the recipe, or the checkpoint, is refused for.
    init(
        _ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs, _ rank: RankPlan, precision: Precision,
        checkpoint: Checkpoint? = nil
    ) throws {
        let (source, groups, runtime) = (inputs.source, inputs.groups, rank.mesh.runtime)
        policy = try source.build(
            runtime, precision: precision, seed: recipe.seed, checkpointing: recipe.checkpointing,
            plan: rank, isWhole: { groups.groups[$0].isWholeMatrix },
            group: { groups.number(of: $0) })
        update = WeightUpdate(
            inputs.optimizer, policy.store, groups, storage: recipe.optimizerSettings.states, seed: recipe.seed)
        if let checkpoint {
            try RunCheckpoint.restore(checkpoint, into: policy.store, update)
            try policy.gatherWeights()
        }
        let factory = try registry.trainer(recipe.trainer.name).maker
        session = TrainingSession(
            settings: recipe.trainingSettings, tokenizer: inputs.tokenizer,
            engine: try RankRun.engine(policy, recipe, registry, source, factory, precision))
        trainer = try factory.make(recipe.trainer.settings, session)
        if let checkpoint, let trainer = trainer as? any HasState {
            try trainer.restore(RunCheckpoint.value("trainer", of: checkpoint))
        }
        let packs = rank.packsTogether(recipe.trainingSettings)
        loader = try Loader(
            inputs.training, batchSize: recipe.batch.size, rank: packs ? 0 : rank.data.rank,
            rankCount: packs ? 1 : rank.data.rankCount,
            state: checkpoint.map { try RunCheckpoint.decode(LoaderState.self, "loader", of: $0) })
        let steps = recipe.steps ?? Int(
            (recipe.epochs ?? 1) * Double(inputs.training.epochLength * recipe.batch.passes) / Double(recipe.batch.size))
        progress = try checkpoint.map { try RunCheckpoint.decode(RunProgress.self, "progress", of: $0) } ?? RunProgress()
        let horizon = ScheduleHorizon(steps: steps, warmupSteps: recipe.warmupSteps)
        schedule = Schedule(
            lr: recipe.optimizerSettings.lr, horizon: horizon,
            scheduler: try registry.scheduler(recipe.scheduler.name).make(recipe.scheduler.settings, horizon))
        plan = RunPlan(steps: steps, passes: recipe.batch.passes, clipGradNorm: recipe.clipGradNorm)
    }

    /// The run of the loop, watched by `observer`.
    func run(_ observer: any RunObserver) -> TrainingRun {
        TrainingRun(
            trainer: trainer, session: session, policy: policy, update: update, schedule: schedule, loader: loader,
            plan: plan, progress: progress, observer: observer)
    }

    private static func engine(
        _ policy: PolicyModel, _ recipe: Recipe, _ registry: Registry, _ source: ModelSource, _ factory: TrainerFactory,
        _ precision: Precision
    ) throws -> ModelEngine {
        var frozen: [String: PolicyModel] = [:]
        for model in try factory.auxiliaryModels(recipe.trainer.settings) {
            let origin = try model.path.map { try ModelSource(path: $0, registry: registry) } ?? source
            frozen[model.role] = try origin.frozen(
                policy.runtime, precision: precision, seed: recipe.seed, plan: policy.plan)
        }
        let sampler = PolicySampler(policy) {
            try source.build(policy.runtime, precision: precision, seed: recipe.seed, loads: false, group: { _ in nil })
        }
        return ModelEngine(policy: policy, frozen: frozen) { requests in
            try sampler.generate(requests)
        } rewards: { name, options in
            try registry.reward(name, options: options, at: "trainer.rewards")
        }
    }
}
