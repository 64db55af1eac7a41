/// The learning rate of each step: the optimizer's, times warm-up, times the scheduler's factor.
public struct Schedule: Sendable {
    /// The base learning rate, of the default group.
    public let lr: Double
    private let horizon: ScheduleHorizon
    private let scheduler: any Scheduler

    public init(lr: Double, horizon: ScheduleHorizon, scheduler: any Scheduler) {
        self.lr = lr
        self.horizon = horizon
        self.scheduler = scheduler
    }

    /// The factor on every group's lr for the step with this number, counted from 0.
    public func factor(step: Int) -> Double { horizon.warmup(step: step) * scheduler.factor(step: step) }
}
