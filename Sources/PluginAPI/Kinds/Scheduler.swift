/// How the learning rate moves: a factor on the optimizer's lr. Warm-up is the loop's and is multiplied on top.
public protocol Scheduler: Sendable, SendableMetatype {
    associatedtype Config: PluginConfig
    /// - Parameters:
    ///   - horizon: optimizer steps of the run and of its warm-up.
    init(_ config: Config, horizon: ScheduleHorizon) throws
    /// The factor for the step with this number, counted from 0.
    func factor(step: Int) -> Double
}

/// How long a schedule has.
public struct ScheduleHorizon: Sendable, Hashable {
    public let steps: Int
    public let warmupSteps: Int

    public init(steps: Int, warmupSteps: Int) {
        self.steps = steps
        self.warmupSteps = warmupSteps
    }

    /// min(1, (step + 1) / warmupSteps)
    public func warmup(step: Int) -> Double {
        warmupSteps == 0 ? 1 : min(1, Double(step + 1) / Double(warmupSteps))
    }

    /// How much of the time after warm-up is over at `step`, 0...1.
    public func progress(step: Int) -> Double {
        let rest = max(1, steps - warmupSteps)
        return min(1, max(0, Double(step - warmupSteps) / Double(rest)))
    }
}
