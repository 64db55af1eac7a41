import Core
import DataLoader
import Foundation
import JSON
import PluginAPI

/// A recipe made into a run, step by step; every part is resolved by name here and nowhere later.
struct TrainingJob {
    let recipe: Recipe
    let registry: Registry
    let directory: RunDirectory
    let options: Options

    /// What the command line adds to a recipe.
    struct Options {
        var resume = Resume.latest
        var acceptsRecipeDrift = false
        var acceptsPluginDrift = false
        var acceptsProductDrift = false
        /// Whether one step is recorded operation by operation.
        var profiles = false
    }

    enum Resume: Equatable {
        case latest
        case never
        case checkpoint(String)
    }

    /// Trains, and writes the model when all steps are done.
    /// - Throws: `CommandEnded` with status 22 when the run was asked to stop.
    func run() throws {
        let precision = try Precision(recipe: recipe.model.precision)
        let operations = options.profiles ? OperationRecorder() : nil
        let runtime = try Runtime.make(precision, recorder: operations)
        let checkpoint = try checkpointToResume(runtime.backend.capabilities.products)
        let inputs = try TrainingInputs(recipe, registry)
        let memory = try MemoryPlan(recipe, registry, inputs)
        try memory.check()
        let rank = try RankRun(
            recipe, registry, inputs, RankPlan(.alone(runtime), inputs.source.configuration), precision: precision,
            checkpoint: checkpoint)
        for notice in inputs.source.configuration.notices { StandardError.write("note: \(notice)") }

        let environment = RunEnvironment.describe(runtime, seed: recipe.seed)
        try writeDescription(environment.setting("memory", to: memory.json(peak: nil)))
        let recorder = RunRecorder(
            trackers: try trackers(resumedStep: rank.progress.step), progress: ProgressLine(steps: rank.plan.steps),
            writer: CheckpointWriter(
                directory: directory.checkpoints.path, keep: recipe.checkpoint.keep,
                mode: .background(byteLimit: RunCheckpoint.snapshotByteLimit)),
            checkpoint: RunCheckpoint(
                recipe: recipe.resolved, plugins: registry.lock, environment: environment),
            signals: StopSignals(), checkpointEvery: recipe.checkpoint.every,
            evaluation: try evaluation(inputs.validation), resumedStep: rank.progress.step,
            profile: operations.map {
                StepProfile(
                    $0, resumedStep: rank.progress.step, steps: rank.plan.steps, file: directory.url.appendingPathComponent("profile.json"))
            })
        announce(inputs.source.configuration, rank)
        try train(rank.run(recorder), recorder)
        try reportMemory(memory, environment)
        try saveFinal(rank.policy, inputs.source, precision)
    }

    private func train(_ run: TrainingRun, _ recorder: RunRecorder) throws {
        do {
            if let trainer = run.trainer as? any HasLoop { try trainer.run(run) } else { try StandardLoop().run(run) }
        } catch {
            // What was good before the failure is made durable, and the failure is what is reported.
            do {
                try recorder.finish()
                let newest = try CheckpointStore.list(in: directory.checkpoints.path).first
                StandardError.write(newest.map { "the newest checkpoint is \($0.path)" } ?? "there is no checkpoint yet")
            } catch let later {
                StandardError.write("warning: \(later)")
            }
            throw error
        }
        if !run.isDone {
            try recorder.save(run)
            try recorder.finish()
            StandardError.write("stopped on request after step \(run.progress.step); the same command goes on from there")
            throw CommandEnded(status: .stoppedOnRequest)
        }
        try recorder.finish()
    }

    // MARK: parts

    private func trackers(resumedStep: Int) throws -> [any Tracker] {
        try recipe.trackers.enumerated().map { index, tracker in
            try registry.tracker(tracker.name).make(
                tracker.settings, "trackers[\(index)]", directory.url, resumedStep)
        }
    }

    private func evaluation(_ stream: (any SampleStream)?) throws -> RunRecorder.Evaluation? {
        guard recipe.evaluation.every > 0 else { return nil }
        guard let stream else {
            StandardError.write("warning: evaluation.every has no effect without data.validation")
            return nil
        }
        return RunRecorder.Evaluation(
            every: recipe.evaluation.every, samples: try (0..<stream.epochLength).map { try stream.sample(at: $0) })
    }

    private func checkpointToResume(_ products: ProductChoices?) throws -> Checkpoint? {
        let checkpoint: Checkpoint?
        switch options.resume {
        case .never:
            let known = try CheckpointStore.list(in: directory.checkpoints.path)
            guard known.isEmpty else {
                throw InputError(
                    directory.url.path, "holds \(known.count) checkpoints of an earlier run, and --resume never was given",
                    fix: "--resume latest, or another --run-dir")
            }
            checkpoint = nil
        case .latest:
            let (latest, skipped) = try CheckpointStore.latest(in: directory.checkpoints.path)
            for torn in skipped { StandardError.write("warning: \(torn.path) is left out: \(torn.reason)") }
            checkpoint = latest
        case .checkpoint(let path): checkpoint = try Checkpoint(path)
        }
        if let checkpoint { try checkDrift(checkpoint, products) }
        return checkpoint
    }

    private func checkDrift(_ checkpoint: Checkpoint, _ products: ProductChoices?) throws {
        let before = try RunCheckpoint.value("recipe", of: checkpoint)
        for key in ["steps", "epochs"] where before[key] != recipe.resolved[key] {
            let (old, new) = (before[key]?.text ?? "absent", recipe.resolved[key]?.text ?? "absent")
            StandardError.write("note: \(key): was \(old), now \(new); the learning rate's schedule is computed anew")
        }
        let plugins = try PluginLock(RunCheckpoint.value("plugins", of: checkpoint))
        let environment = try RunCheckpoint.value("environment", of: checkpoint)
        let problems =
            drift(
                "recipe", "the recipe changed", RecipeDrift.differences(from: before, to: recipe.resolved),
                isAccepted: options.acceptsRecipeDrift)
            + drift(
                "plugin", "the plugin set changed", registry.resolvedSet.differences(since: plugins),
                isAccepted: options.acceptsPluginDrift)
            + drift(
                "product", "other libraries take matrix products, so last bits would differ",
                ProductDrift.differences(from: environment, to: products), isAccepted: options.acceptsProductDrift)
        if !problems.isEmpty { throw InputError(problems) }
    }

    /// What may not change silently, as problems, or as notes when the command line accepts it.
    private func drift(_ kind: String, _ what: String, _ changes: [String], isAccepted: Bool) -> [InputProblem] {
        guard isAccepted else {
            return changes.map { InputProblem("resume", "\(what): \($0)", fix: "--accept-\(kind)-drift") }
        }
        for change in changes { StandardError.write("note: \(kind) drift accepted: \(change)") }
        return []
    }

    // MARK: what is written

    private func writeDescription(_ environment: JSONValue) throws {
        try directory.write("recipe.yaml", try RecipeFile.text(recipe.resolved))
        try directory.write("plugins.lock.json", registry.lock.text + "\n")
        try directory.write("environment.json", environment.text + "\n")
    }

    /// Tells the estimate beside what was really used.
    private func reportMemory(_ memory: MemoryPlan, _ environment: JSONValue) throws {
        let (estimated, peak) = (memory.estimate.total, Machine.peakResidentBytes)
        try directory.write("environment.json", environment.setting("memory", to: memory.json(peak: peak)).text + "\n")
        StandardError.write("memory: estimated \(ByteText.text(estimated)), peak \(ByteText.text(peak))")
    }

    private func announce(_ configuration: DecoderConfiguration, _ rank: RankRun) {
        let count = rank.policy.store.specs.reduce(0) { $0 + $1.elementCount }
        let (step, steps) = (rank.progress.step, rank.plan.steps)
        StandardError.write(
            "run \(directory.url.path): trainer \(recipe.trainer.name), optimizer \(recipe.optimizer.name), "
                + "\(count) parameters in \(configuration.layers.count) layers, \(recipe.model.precision), "
                + "seed \(recipe.seed), " + (step == 0 ? "\(steps) steps" : "steps \(step + 1) to \(steps)"))
    }

    /// The files that make a saved model usable without this recipe.
    private func tokenizerFiles() throws -> [String] {
        let names = [
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
            "merges.txt", "chat_template.jinja",
        ]
        let tokenizerHome = recipe.tokenizer.map { $0.hasSuffix(".json") ? ($0 as NSString).deletingLastPathComponent : $0 }
        let files = (tokenizerHome ?? recipe.model.path).map { home in names.map { home + "/" + $0 } } ?? []
        let generation = recipe.model.path.map { [$0 + "/generation_config.json"] } ?? []
        return (files + generation).filter { FileManager.default.fileExists(atPath: $0) }
    }

    private func saveFinal(
        _ policy: PolicyModel, _ source: ModelSource, _ precision: Precision
    ) throws {
        try ModelDirectory.save(
            to: directory.final.path, config: source.config.source,
            policy.store.parameters.map { ($0.name, $0.value) }, dtype: precision.master,
            copying: try tokenizerFiles(), replacing: true)
        print(directory.final.path)
    }
}
