import Foundation
import PluginAPI

/// Shows how a run goes: a line that rewrites itself in a terminal, plain lines elsewhere.
final class ProgressLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let steps: Int
    private var lastShown = ContinuousClock.now - .seconds(3600)
    private var rate: Double?
    private var hasOpenLine = false

    /// Whether this is the rank that speaks.
    private let speaks: Bool

    init(steps: Int, speaks: Bool = true) { (self.steps, self.speaks) = (steps, speaks) }

    func show(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) {
        guard speaks else { return }
        let step = run.progress.step
        // A running mean over about twenty steps.
        rate = rate.map { $0 * 0.95 + seconds * 0.05 } ?? seconds
        let now = ContinuousClock.now
        let pause: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
        guard step == 1 || step == steps || now - lastShown >= pause else { return }
        lastShown = now
        let tokensPerSecond = Double(figures.tokenCount) / max(seconds, 1e-9)
        let waiting = 100 * dataWaitSeconds / max(seconds, 1e-9)
        let remaining = Int(Double(steps - step) * (rate ?? seconds))
        var line = "step \(step)/\(steps)  loss \(format(figures.loss, 4))  \(format(tokensPerSecond, 0)) tokens/s"
        line += "  eta \(remaining / 60)m\(String(format: "%02d", remaining % 60))s  data wait \(format(waiting, 0)) %"
        for metric in figures.metrics where ["reward", "rewards/accuracies"].contains(metric.name) {
            line += "  \(metric.name) \(format(metric.value, 3))"
        }
        write(line)
    }

    /// A sentence beside the figures.
    func note(_ text: String) {
        closeLine()
        StandardError.write(text)
    }

    func finish() { closeLine() }

    private func write(_ line: String) {
        guard isTerminal else {
            StandardError.write(line)
            return
        }
        FileHandle.standardError.write(Data(("\r\u{1B}[K" + line).utf8))
        hasOpenLine = true
    }

    private func closeLine() {
        if hasOpenLine { FileHandle.standardError.write(Data("\n".utf8)) }
        hasOpenLine = false
    }

    private func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
