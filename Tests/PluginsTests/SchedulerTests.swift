import PluginAPI
import SchedulerConstant
import SchedulerCosine
import SchedulerLinear
import SchedulerWSD
import Testing

@Suite struct SchedulerTests {
    /// 12 steps, 2 of them warm-up: progress is (step - 2) / 10.
    private let horizon = ScheduleHorizon(steps: 12, warmupSteps: 2)

    @Test func `constant stays at 1`() {
        let schedule = Constant(NoConfig(), horizon: horizon)
        #expect((0..<14).map(schedule.factor(step:)) == [Double](repeating: 1, count: 14))
    }

    @Test func `linear falls in a straight line to its minimum`() throws {
        var config = Linear.Config.template
        config.minRatio = 0.1
        let schedule = try Linear(config, horizon: horizon)
        for (step, expected) in [(0, 1.0), (2, 1), (3, 0.91), (7, 0.55), (11, 0.19), (12, 0.1), (40, 0.1)] {
            #expect(abs(schedule.factor(step: step) - expected) < 1e-15)
        }
    }

    @Test func `cosine falls along half a cosine to its minimum`() throws {
        let schedule = try Cosine(Cosine.Config.template, horizon: horizon)
        let table = [(2, 1.0), (4, 0.9045084971874737), (7, 0.5), (10, 0.09549150281252627), (12, 0), (13, 0)]
        for (step, expected) in table { #expect(abs(schedule.factor(step: step) - expected) < 1e-15) }
        var config = Cosine.Config.template
        config.minRatio = 0.2
        #expect(abs(try Cosine(config, horizon: horizon).factor(step: 7) - 0.6) < 1e-15)
    }

    @Test(arguments: [
        (WSD.Shape.linear, [1.0, 1, 1, 0.75, 0.5, 0.25, 0]),
        (.squareRoot, [1.0, 1, 1, 0.5, 0.2928932188134524, 0.1339745962155614, 0]),
        (.cosine, [1.0, 1, 1, 0.8535533905932737, 0.5, 0.1464466094067262, 0]),
    ])
    func `wsd is stable, then decays in its shape over its last steps`(shape: WSD.Shape, expected: [Double]) throws {
        var config = WSD.Config.template
        config.decaySteps = 4
        config.shape = shape
        let schedule = try WSD(config, horizon: horizon)
        for (step, value) in zip([0, 7, 8, 9, 10, 11, 12], expected) {
            #expect(abs(schedule.factor(step: step) - value) < 1e-15)
        }
    }

    @Test func `wsd takes its decay from the ratio when no steps are given`() throws {
        var config = WSD.Config.template
        config.decayRatio = 0.5
        config.minRatio = 0.1
        let schedule = try WSD(config, horizon: horizon)
        #expect(schedule.factor(step: 6) == 1)
        #expect(abs(schedule.factor(step: 9) - 0.55) < 1e-15)
    }

    @Test func `values outside their range are refused with the key`() {
        var config = WSD.Config.template
        config.minRatio = 2
        config.decaySteps = -1
        let error = #expect(throws: InputError.self) { try WSD(config, horizon: horizon) }
        #expect(
            error?.description == "scheduler.min_ratio: found 2.0, expected a number in 0...1\n"
                + "scheduler.decay_steps: found -1, expected 0 or more")
    }
}
