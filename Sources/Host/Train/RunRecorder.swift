import Core
import DataLoader
import Foundation
import JSON
import PluginAPI

/// What happens beside the loop: metrics, the progress line, evaluations and checkpoints.
final class RunRecorder: RunObserver {
    private let trackers: [any Tracker]
    private let progress: ProgressLine
    private let writer: CheckpointWriter
    private let checkpoint: RunCheckpoint
    private let signals: StopSignals
    private let checkpointEvery: Int
    private let evaluation: Evaluation?
    private let profile: StepProfile?
    private var checkpointedStep: Int
    private var namedSamples = 0

    /// Validation samples and how often they are looked at.
    struct Evaluation {
        let every: Int
        let samples: [Sample]
    }

    init(
        trackers: [any Tracker], progress: ProgressLine, writer: CheckpointWriter, checkpoint: RunCheckpoint,
        signals: StopSignals, checkpointEvery: Int, evaluation: Evaluation?, resumedStep: Int,
        profile: StepProfile?
    ) {
        self.trackers = trackers
        self.progress = progress
        self.writer = writer
        self.checkpoint = checkpoint
        self.signals = signals
        self.checkpointEvery = checkpointEvery
        self.evaluation = evaluation
        self.profile = profile
        self.checkpointedStep = resumedStep
    }

    var shouldStop: Bool { signals.isAsked }

    func skipped(_ sample: Sample) {
        namedSamples += 1
        guard namedSamples <= 3 else { return }
        progress.note(
            "warning: sample \(sample.id) has no trainable tokens and is left out"
                + (namedSamples == 3 ? " (further ones are counted, not named)" : ""))
    }

    func finished(
        _ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double
    ) throws {
        let step = run.progress.step
        if let text = try profile?.finished(step) { progress.note(text) }
        defer { profile?.willStart(step + 1) }
        var members: [JSONValue.Member] = [
            .init("step", .integer(step)),
            .init("loss", .double(figures.loss)),
            .init("grad_norm", .double(figures.gradientNorm)),
            .init("lr", .double(figures.lr)),
            .init("tokens", .integer(figures.tokenCount)),
            .init("tokens_total", .integer(run.progress.tokenCount)),
            .init("seconds", .double(seconds)),
            .init("tokens_per_second", .double(Double(figures.tokenCount) / max(seconds, 1e-9))),
            .init("data_wait_seconds", .double(dataWaitSeconds)),
            .init("memory_peak_bytes", .integer(Machine.peakResidentBytes)),
        ]
        members += figures.metrics.map { .init($0.name, .double($0.value)) }
        let isLast = run.isDone
        if let evaluation, step % evaluation.every == 0 || isLast, let loss = try run.evaluate(evaluation.samples) {
            members.append(.init("validation_loss", .double(loss)))
        }
        for tracker in trackers { try tracker.log(step: step, members) }
        progress.show(run, figures, seconds: seconds, dataWaitSeconds: dataWaitSeconds)
        let isDue = checkpointEvery > 0 && step % checkpointEvery == 0
        if run.isBetweenExperiences, isDue || (isLast && checkpointEvery > 0) || run.shouldStop { try save(run) }
    }

    /// Writes a checkpoint unless this step has one.
    func save(_ run: TrainingRun) throws {
        guard checkpointedStep != run.progress.step else { return }
        try checkpoint.write(run, to: writer)
        checkpointedStep = run.progress.step
    }

    /// Waits for what is still being written.
    func finish() throws {
        try writer.finish()
        progress.finish()
        for tracker in trackers { try tracker.finish() }
    }
}
