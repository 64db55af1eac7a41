/// The loop that trainers share, made of the run's public verbs. A trainer that needs another order of events conforms
/// to `HasLoop` and writes its own from the same verbs.
public struct StandardLoop {
    public init() {}

    /// Trains until the plan's steps are done or someone asks the run to stop.
    public func run(_ run: TrainingRun) throws {
        while !run.isDone && !run.shouldStop {
            var started = ContinuousClock.now
            let batches = try run.nextExperience()
            for pass in 1...run.plan.passes where !run.isDone {
                var figures = try run.accumulateGradients(batches)
                try run.updateWeights(&figures, batches: batches)
                let now = ContinuousClock.now
                try run.finishStep(
                    figures, seconds: (now - started) / .seconds(1), isLastPass: pass == run.plan.passes)
                started = now
            }
        }
    }
}

/// A trainer with a loop of its own.
public protocol HasLoop: Trainer {
    func run(_ run: TrainingRun) throws
}
