import Core
import Foundation

/// The profile of one step of a run: the third that this process takes, when caches are warm, or the last before that.
final class StepProfile {
    private let recorder: OperationRecorder
    private let file: URL
    private let step: Int

    /// - Parameters:
    ///   - recorder: the one that the run's runtime was made with.
    ///   - resumedStep: how many steps are done already.
    ///   - steps: the run's steps in all.
    ///   - file: where the trace is written.
    init(_ recorder: OperationRecorder, resumedStep: Int, steps: Int, file: URL) {
        self.recorder = recorder
        self.file = file
        step = min(resumedStep + 3, steps)
        willStart(resumedStep + 1)
    }

    /// Begins to record when `step` is the one.
    func willStart(_ step: Int) {
        if step == self.step { recorder.start() }
    }

    /// Writes the trace when `step` was the one.
    /// - Returns: the table of operations and where the trace is.
    func finished(_ step: Int) throws -> String? {
        guard step == self.step, let profile = recorder.stop() else { return nil }
        try AtomicFile.write(Data(profile.chromeTrace.utf8), to: file.path)
        return "profile of step \(step)\n\(profile.table)\ntrace: \(file.path) (opens in ui.perfetto.dev)"
    }
}
