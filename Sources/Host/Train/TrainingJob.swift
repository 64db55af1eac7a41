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
    }

    enum Resume: Equatable {
        case latest
        case never
        case checkpoint(String)
    }

    /// Trains as one rank of a run, and writes the model when all steps are done.
    /// - Parameters:
    ///   - mesh: the run's ranks.
    ///   - operations: the recorder of the mesh's runtime, when one step is profiled.
    /// - Throws: `CommandEnded` with status 22 when the run was asked to stop.
    func run(_ mesh: Mesh, _ layout: RunLayout, _ operations: OperationRecorder?) throws {
        let precision = try Precision(recipe: recipe.model.precision)
        let gate = RankGate(mesh.world)
        let products = mesh.runtime.backend.capabilities.products
        let executable = mesh.shape.rankCount == 1 ? "" : try gate.together { try Machine.executableDigest() }
        try gate.agree([
            ("forktail", Release.version), ("executable", executable), ("recipe", recipe.resolved.text),
            ("plugins", registry.lock.text), ("product table", products?.digest ?? ""),
        ])
        // One rank chooses, so that all resume from the same.
        let chosen = try gate.together { mesh.rank == 0 ? try checkpointToResume(products) : nil }
        let path = try mesh.world.broadcast(Array((chosen?.path ?? "").utf8), from: 0)
        let (inputs, checkpoint, memory) = try gate.together { () throws -> (TrainingInputs, Checkpoint?, MemoryPlan?) in
            let checkpoint = try path.isEmpty || mesh.rank == 0
                ? chosen : Checkpoint(String(decoding: path, as: UTF8.self), verifying: .sizes)
            let inputs = try TrainingInputs(recipe, registry)
            let problems = layout.problems(recipe, inputs)
            if !problems.isEmpty { throw InputError(problems) }
            // What ranks of a layout need is planned beforehand: forktail parallel plan.
            let memory = mesh.shape.rankCount > 1 ? nil : try MemoryPlan(recipe, registry, inputs)
            try memory?.check()
            return (inputs, checkpoint, memory)
        }
        let rank = try gate.together {
            try RankRun(
                recipe, registry, inputs, layout.plan(mesh, inputs.source.configuration), precision: precision,
                checkpoint: checkpoint)
        }
        try gate.compareParts(rank.policy.store)
        let speaks = mesh.rank == 0
        if speaks { for notice in inputs.source.configuration.notices { StandardError.write("note: \(notice)") } }

        let environment = RunEnvironment.describe(mesh, seed: recipe.seed)
        if speaks {
            try writeDescription(memory.map { environment.setting("memory", to: $0.json(peak: nil)) } ?? environment)
        }
        let recorder = RunRecorder(
            trackers: speaks ? try trackers(resumedStep: rank.progress.step) : [],
            progress: ProgressLine(steps: rank.plan.steps, speaks: speaks),
            writer: CheckpointWriter(
                directory: directory.checkpoints.path, keep: recipe.checkpoint.keep,
                mode: .background(byteLimit: RunCheckpoint.snapshotByteLimit / mesh.shape.rankCount)),
            checkpoint: RunCheckpoint(
                recipe: recipe.resolved, plugins: registry.lock, environment: environment),
            signals: StopSignals(speaks: speaks), checkpointEvery: recipe.checkpoint.every,
            evaluation: try evaluation(inputs.validation), resumedStep: rank.progress.step,
            profile: operations.map {
                StepProfile(
                    $0, resumedStep: rank.progress.step, steps: rank.plan.steps,
                    file: directory.url.appendingPathComponent("profile.json"))
            })
        if speaks { announce(inputs.source.configuration, mesh, rank) }
        try train(rank, recorder)
        if let memory { try reportMemory(memory, environment) } else { try reportMemory(mesh, environment) }
        try saveFinal(rank.policy, inputs.source, precision)
    }

    private func train(_ rank: RankRun, _ recorder: RunRecorder) throws {
        let run = rank.run(recorder)
        let ranks = rank.policy.plan.mesh.world
        let speaks = ranks.rank == 0
        do {
            if let trainer = run.trainer as? any HasLoop { try trainer.run(run) } else { try StandardLoop().run(run) }
        } catch {
            // What was good before the failure is made durable, and the failure is what is reported.
            do {
                try recorder.finish()
                let newest = try CheckpointStore.list(in: directory.checkpoints.path).first
                if speaks {
                    StandardError.write(newest.map { "the newest checkpoint is \($0.path)" } ?? "there is no checkpoint yet")
                }
            } catch let later {
                StandardError.write("warning: \(later)")
            }
            guard error is RunStopped || error is SamplesDiffer else { throw error }
            // All ranks have found the same, and one of them says so before any leaves.
            if speaks { StandardError.write("error: \(error)") }
            try ranks.barrier()
            throw CommandEnded(status: ExitStatus(of: error))
        }
        if !run.isDone {
            try recorder.save(run)
            try recorder.finish()
            if speaks {
                StandardError.write(
                    "stopped on request after step \(run.progress.step); the same command goes on from there")
            }
            // The first rank has completed the checkpoint before any leaves.
            try ranks.barrier()
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

    /// Tells what the ranks' allocators have in use after the last step, and had at most.
    private func reportMemory(_ mesh: Mesh, _ environment: JSONValue) throws {
        let own = mesh.runtime.backend.capabilities
        let (used, peak) = (
            try mesh.world.gather(Double(own.usedByteCount)), try mesh.world.gather(Double(own.peakByteCount)))
        guard mesh.rank == 0 else { return }
        let ranks = zip(used, peak).map { used, peak in
            JSONValue.object([.init("used_bytes", .integer(Int(used))), .init("peak_bytes", .integer(Int(peak)))])
        }
        try directory.write(
            "environment.json", environment.setting("memory", to: .object([.init("ranks", .array(ranks))])).text + "\n")
        StandardError.write(
            "memory of the fullest rank: \(ByteText.text(Int(used.max() ?? 0))) in use, "
                + "\(ByteText.text(Int(peak.max() ?? 0))) at most")
    }

    private func announce(_ configuration: DecoderConfiguration, _ mesh: Mesh, _ rank: RankRun) {
        let count = DecoderModel.specs(configuration).reduce(0) { $0 + $1.elementCount }
        let (step, steps) = (rank.progress.step, rank.plan.steps)
        let ranks = mesh.shape.axes.map { "\($0.rawValue) \(mesh.shape[$0])" }.joined(separator: " x ")
        StandardError.write(
            "run \(directory.url.path): trainer \(recipe.trainer.name), optimizer \(recipe.optimizer.name), "
                + "\(count) parameters in \(configuration.layers.count) layers, \(recipe.model.precision), "
                + "seed \(recipe.seed), " + (ranks.isEmpty ? "" : "\(mesh.shape.rankCount) ranks (\(ranks)), ")
                + (step == 0 ? "\(steps) steps" : "steps \(step + 1) to \(steps)"))
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

    private func saveFinal(_ policy: PolicyModel, _ source: ModelSource, _ precision: Precision) throws {
        let ranks = policy.plan.mesh.world
        guard ranks.rankCount > 1 else {
            try save(policy.store, source, precision)
            return
        }
        // Ranks write what they have, and the first makes a model directory of it.
        let parts = directory.url.appendingPathComponent("final.parts").path
        try CheckpointWriter(directory: parts).write(
            step: 0, items: RunCheckpoint.weights(policy.store), sections: [:], with: ranks)
        try RankGate(ranks).together {
            guard ranks.rank == 0 else { return }
            let checkpoint = try Checkpoint(parts + "/" + CheckpointStore.name(0))
            let whole = try source.build(policy.runtime, precision: precision, seed: 0) { name in
                checkpoint.contains(name) ? 0 : nil
            }
            try whole.store.setMasters { name, _, tensor in
                if checkpoint.contains(name) { try checkpoint.restore(name, into: tensor) }
            }
            try save(whole.store, source, precision)
            try FileManager.default.removeItem(atPath: parts)
        }
    }

    private func save(_ store: ParameterStore, _ source: ModelSource, _ precision: Precision) throws {
        try ModelDirectory.save(
            to: directory.final.path, config: source.config.source, store.parameters.map { ($0.name, $0.value) },
            dtype: precision.master, copying: try tokenizerFiles(), replacing: true)
        print(directory.final.path)
    }
}
