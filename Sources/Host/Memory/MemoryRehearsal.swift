import Core
import DataLoader
import PluginAPI

/// Goes through the first step of a recipe's run on a backend that counts memory and computes nothing: the model,
/// trainer, loop and optimizer are those of the run, and the sequences are as long as the recipe allows.
struct MemoryRehearsal {
    let recipe: Recipe
    let registry: Registry
    let inputs: TrainingInputs
    let settings: TrainingSettings

    /// Micro-batches that are gone through: the second adds to gradients that the first has left.
    private static let batchCount = 2

    /// - Parameters:
    ///   - resident: bytes that the process has without the run.
    ///   - updates: whether the step ends with the update of the weights, or before it.
    /// - Throws: what the data or the trainer throw for the first samples.
    func estimate(resident: Int, updates: Bool = true) throws -> MemoryEstimate {
        let precision = try Precision(recipe: recipe.model.precision)
        var model = try CountedModel(
            inputs.source, precision: precision, checkpointing: recipe.checkpointing, optimizer: inputs.optimizer,
            groups: inputs.groups, states: recipe.optimizerSettings.states)
        let factory = try registry.trainer(recipe.trainer.name).maker
        for auxiliary in try factory.auxiliaryModels(recipe.trainer.settings) {
            let source = try auxiliary.path.map { try ModelSource(path: $0, registry: registry) } ?? inputs.source
            try model.add(source, role: auxiliary.role, precision: precision)
        }
        let session = TrainingSession(settings: settings, tokenizer: inputs.tokenizer, engine: engine(model))
        let trainer = try factory.make(recipe.trainer.settings, session)
        let examples = try self.examples(trainer)
        let tokenCount = examples.reduce(0) { $0 + $1.sequences.reduce(0) { $0 + $1.ids.count } }
        // Ids and flags of the batch at hand and of two that are read ahead.
        let data = 3 * tokenCount * (MemoryLayout<Int32>.stride + MemoryLayout<Bool>.stride)
        return try model.estimate(process: resident + data + snapshotByteCount(model)) {
            guard !examples.isEmpty else { return }
            let run = try run(trainer, session, model)
            let batches = Array(try trainer.experience(from: examples).prefix(MemoryRehearsal.batchCount))
            var figures = try run.accumulateGradients(batches)
            if updates { try run.updateWeights(&figures, batches: batches) }
        }
    }

    /// A batch of the longest of the first samples, made as long as a sequence can be; empty when they hold nothing to
    /// train on, which the run will say.
    private func examples(_ trainer: any Trainer) throws -> [Example] {
        let count = min(recipe.batch.size, inputs.training.epochLength, 8)
        let found = try (0..<count).compactMap { try trainer.example(from: inputs.training.sample(at: $0)) }
        func tokenCount(_ example: Example) -> Int { example.sequences.reduce(0) { $0 + $1.ids.count } }
        guard var example = found.max(by: { tokenCount($0) < tokenCount($1) }) else { return [] }
        example.sequences = example.sequences.map { sequence in
            // Prompts without trained tokens are completed by the trainer.
            guard sequence.trainedCount > 0 else { return sequence }
            let length = recipe.sequence.length
            return TokenSequence(
                ids: [Int32](repeating: sequence.ids.last ?? 0, count: length),
                trained: [Bool](repeating: true, count: length))
        }
        return [Example](repeating: example, count: recipe.batch.size)
    }

    private func engine(_ model: CountedModel) -> ModelEngine {
        let generator = Generator(model.policy.decoder, model.policy.runtime)
        let vocabularySize = inputs.source.configuration.vocabularySize
        return ModelEngine(policy: model.policy, frozen: model.frozen) { requests in
            // The cache is fullest when every completion is at its end. Reading them as prompts, each another, fills it
            // at once.
            _ = try generator.generate(
                requests.enumerated().map { index, request in
                    var request = request
                    let filler = Int32(index % vocabularySize)
                    request.prompt += [Int32](repeating: filler, count: max(0, request.maximumNewTokens - 1))
                    request.maximumNewTokens = min(request.maximumNewTokens, 1)
                    return request
                })
            return requests.map {
                GenerationResult(
                    ids: [Int32](repeating: 0, count: $0.maximumNewTokens),
                    logProbs: [Double](repeating: 0, count: $0.maximumNewTokens), finishReason: .stop)
            }
        } rewards: { name, options in
            try registry.reward(name, options: options, at: "trainer.rewards")
        }
    }

    private func run(
        _ trainer: any Trainer, _ session: TrainingSession, _ model: CountedModel
    ) throws -> TrainingRun {
        let horizon = ScheduleHorizon(steps: 1, warmupSteps: 0)
        let scheduler = try registry.scheduler(recipe.scheduler.name).make(recipe.scheduler.settings, horizon)
        return TrainingRun(
            trainer: trainer, session: session, policy: model.policy, update: model.update,
            schedule: Schedule(lr: 0, horizon: horizon, scheduler: scheduler),
            loader: try Loader(inputs.training, batchSize: 1, prefetchedBatches: 0),
            plan: RunPlan(steps: 1, passes: 1, clipGradNorm: recipe.clipGradNorm), progress: RunProgress(),
            observer: Unobserved())
    }

    /// Host copies on their way to a checkpoint while the next step runs.
    private func snapshotByteCount(_ model: CountedModel) -> Int {
        guard recipe.checkpoint.every > 0 else { return 0 }
        return min(RunCheckpoint.snapshotByteLimit, RunCheckpoint.byteCount(model.policy.store, model.update))
    }

    private final class Unobserved: RunObserver {
        let shouldStop = false
        func skipped(_ sample: Sample) {}
        func finished(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) {}
    }
}
