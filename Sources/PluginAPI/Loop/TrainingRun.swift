internal import Core
public import DataLoader

/// Everything a loop works with, and the verbs it is made of. A trainer's own loop calls the same verbs.
public final class TrainingRun {
    public let trainer: any Trainer
    public let session: TrainingSession
    public let policy: PolicyModel
    public let update: WeightUpdate
    public let schedule: Schedule
    public let loader: Loader
    public let plan: RunPlan
    public internal(set) var progress: RunProgress
    private let observer: any RunObserver
    private var agreement = SampleAgreement()
    private var waitedSeconds = 0.0

    public init(
        trainer: any Trainer, session: TrainingSession, policy: PolicyModel, update: WeightUpdate, schedule: Schedule,
        loader: Loader, plan: RunPlan, progress: RunProgress, observer: any RunObserver
    ) {
        self.trainer = trainer
        self.session = session
        self.policy = policy
        self.update = update
        self.schedule = schedule
        self.loader = loader
        self.plan = plan
        self.progress = progress
        self.observer = observer
        session.step = progress.step
    }

    /// Whether the run's steps are done.
    public var isDone: Bool { progress.step >= plan.steps }

    /// Whether the last step used up its experience, so that a checkpoint loses nothing that was sampled.
    public private(set) var isBetweenExperiences = true

    /// Whether someone asked any rank of the run to checkpoint and leave.
    public private(set) var shouldStop = false

    /// Verb: the next optimizer step's micro-batches.
    /// - Throws: `InputError` when no sample of the batch has anything to train on, `SamplesDiffer` when ranks that share
    ///   the work on a sample have read different ones.
    public func nextExperience() throws -> [MicroBatch] {
        let samples = try policy.runtime.phase("data wait") { try loader.next() }
        try agreement.check(samples, step: progress.step + 1, policy.plan.mesh, sharesData: packsTogether)
        let examples = try samples.compactMap { sample -> Example? in
            guard let example = try trainer.example(from: sample) else {
                progress.skippedSamples += 1
                observer.skipped(sample)
                return nil
            }
            try check(example)
            return example
        }
        guard try policy.plan.any(!examples.isEmpty) else {
            let ids = samples.prefix(4).map(\.id).joined(separator: ", ") + (samples.count > 4 ? ", ..." : "")
            throw InputError(
                "data.train", "no trainable tokens in any sample of step \(progress.step + 1) (\(ids))",
                fix: "forktail data cat DIR --count 1 --json shows what a sample holds")
        }
        return try policy.runtime.phase("experience") {
            let all = try trainer.experience(from: examples)
            return packsTogether ? ownShare(of: all) : all
        }
    }

    private func check(_ example: Example) throws {
        let vocabulary = Int32(policy.configuration.vocabularySize)
        let positions = policy.configuration.positionCount
        for sequence in example.sequences {
            if let id = sequence.ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
                throw InputError(
                    "data.train", "sample \(example.sampleID) has token id \(id), the model knows 0...\(vocabulary - 1)",
                    fix: "use the tokenizer that the model was trained with")
            }
            let starts = sequence.documentStarts + [sequence.ids.count]
            let longest = zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0
            if longest > positions {
                throw InputError(
                    "data.train", "sample \(example.sampleID) has \(longest) tokens, the model has \(positions) positions",
                    fix: "sequence.length=\(positions)")
            }
        }
    }

    /// Verb: forward and backward over one optimizer step's micro-batches; gradients end up in the arenas.
    public func accumulateGradients(_ batches: [MicroBatch]) throws -> StepFigures {
        var figures = StepFigures(batches, layerWeights: policy.layerWeights)
        try figures.reduceWeights(policy.plan)
        var pass = StagePass(policy, try padded(batches), session.settings.objective)
        try pass.train { scores, batch in
            let objective = try trainer.objective(scores, batch).joined(with: scores.layers)
            figures.add(objective)
            return try objective.terms.compactMap { term -> (Tensor, gradient: Tensor)? in
                let weight = try figures.weight(of: term)
                guard weight != 0 else { return nil }
                return (term.sum, gradient: policy.runtime.full(term.sum.shape, term.sum.dtype, term.coefficient / weight))
            }
        }
        try figures.finish(policy.plan)
        return figures
    }

    /// Verb: the loss over validation samples, without gradients.
    public func evaluate(_ samples: [Sample]) throws -> Double? {
        let examples = try (packsTogether ? samples : ownShare(of: samples)).compactMap { try trainer.example(from: $0) }
        guard try policy.plan.any(!examples.isEmpty) else { return nil }
        let all = try trainer.experience(from: examples)
        let batches = packsTogether ? ownShare(of: all) : all
        var figures = StepFigures(batches, layerWeights: policy.layerWeights)
        try figures.reduceWeights(policy.plan)
        var pass = StagePass(policy, try padded(batches), session.settings.objective)
        try pass.forward { figures.add(try trainer.objective($0, $1).joined(with: $0.layers)) }
        try figures.finish(policy.plan)
        return figures.loss
    }

    /// Where documents share sequences, which ones do depends on all of a step: every data rank packs all of them, and goes
    /// on with a part of what comes out.
    private var packsTogether: Bool { policy.plan.packsTogether(session.settings) }

    /// This data rank's part of what all of them have.
    private func ownShare<Element>(of all: [Element]) -> [Element] {
        let (rank, count) = (policy.plan.data.rank, policy.plan.data.rankCount)
        return Array(all[all.count * rank / count..<all.count * (rank + 1) / count])
    }

    /// As many micro-batches as every other rank has: those that are added weigh nothing.
    private func padded(_ batches: [MicroBatch]) throws -> [MicroBatch] {
        let count = try policy.plan.agreedCount(batches.count)
        return batches + [MicroBatch](repeating: .empty, count: count - batches.count)
    }

    /// Verb: clips and updates; refuses to go on from numbers that are not finite.
    public func updateWeights(_ figures: inout StepFigures, batches: [MicroBatch]) throws {
        let norm = try policy.runtime.phase("gradient norm") { try policy.gradientNorm() }
        figures.gradientNorm = norm
        guard figures.loss.isFinite, norm.isFinite else {
            throw RunStopped(
                step: progress.step + 1, loss: figures.loss, gradientNorm: norm,
                sampleIDs: batches.flatMap(\.sampleIDs))
        }
        let clip = plan.clipGradNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let factor = schedule.factor(step: progress.step)
        figures.lr = schedule.lr * factor
        if figures.hasWeight {
            try policy.runtime.phase("optimizer") {
                update.apply(step: progress.step + 1, lrFactor: factor, gradientScale: clip)
                try policy.gatherWeights()
            }
        } else {
            progress.skippedSteps += 1
        }
    }

    /// Verb: counts the step and reports it.
    /// - Parameter isLastPass: whether the next step needs a new experience.
    public func finishStep(_ figures: StepFigures, seconds: Double, isLastPass: Bool = true) throws {
        isBetweenExperiences = isLastPass
        progress.step += 1
        progress.tokenCount += figures.tokenCount
        session.step = progress.step
        let waited = loader.waitSeconds - waitedSeconds
        waitedSeconds = loader.waitSeconds
        shouldStop = try policy.plan.any(observer.shouldStop)
        try observer.finished(self, figures, seconds: seconds, dataWaitSeconds: waited)
    }
}

/// What a run is asked to do.
public struct RunPlan: Sendable {
    /// Optimizer steps in all.
    public var steps: Int
    /// Optimizer steps on one experience.
    public var passes: Int
    /// Largest gradient norm; nil = not clipped.
    public var clipGradNorm: Double?

    public init(steps: Int, passes: Int, clipGradNorm: Double?) {
        self.steps = steps
        self.passes = passes
        self.clipGradNorm = clipGradNorm
    }
}

/// How far a run is.
public struct RunProgress: Sendable, Codable, Hashable {
    /// Optimizer steps done.
    public var step = 0
    public var tokenCount = 0
    /// Steps whose terms all weighed 0.
    public var skippedSteps = 0
    /// Samples without anything to train on.
    public var skippedSamples = 0

    public init() {}
}

/// Numbers that are not finite: the run stops and keeps the last good checkpoint (exit code 23).
public struct RunStopped: Error, Sendable, CustomStringConvertible {
    public let step: Int
    public let loss: Double
    public let gradientNorm: Double
    public let sampleIDs: [String]

    public var description: String {
        let shown = sampleIDs.prefix(8).joined(separator: ", ") + (sampleIDs.count > 8 ? ", ..." : "")
        return "stopped at step \(step): loss \(text(loss)), gradient norm \(text(gradientNorm)), expected finite numbers; "
            + "samples of the batch: \(shown)"
    }

    /// The sign of a nan says nothing.
    private func text(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }
}

/// What happens beside the loop: metrics, checkpoints, signals.
public protocol RunObserver: AnyObject {
    var shouldStop: Bool { get }
    func skipped(_ sample: Sample)
    func finished(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) throws
}
