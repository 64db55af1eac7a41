internal import Foundation
public import PluginAPI

/// Warm-up, stable, decay: 1 until the last steps of the run, then down to `min_ratio`. Hu et al., "MiniCPM", 2024,
/// arXiv 2404.06395, section 4.2; the shapes of the decay are compared by Haegele et al. 2024, arXiv 2405.18392.
public struct WSD: Scheduler {
    /// How the factor falls, with p from 0 to 1 over the decay.
    public enum Shape: String, Codable, Sendable {
        /// 1 - p
        case linear
        /// 1 - sqrt(p)
        case squareRoot = "1-sqrt"
        /// (1 + cos(pi p)) / 2
        case cosine
    }

    /// What the recipe's `scheduler:` section may say beside `warmup_steps`.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var decaySteps: Int?
        public var decayRatio = 0.1
        public var minRatio = 0.0
        public var shape = Shape.linear

        enum CodingKeys: String, CodingKey {
            case shape
            case decaySteps = "decay_steps"
            case decayRatio = "decay_ratio"
            case minRatio = "min_ratio"
        }

        public static let template = Config()
        public static let help = [
            "decay_steps": "optimizer steps at the end in which the learning rate falls; null = decay_ratio of the run",
            "decay_ratio": "share of the run's steps in which the learning rate falls, when decay_steps is not given",
            "min_ratio": "the factor on the learning rate at the end, 0...1",
            "shape": "of the fall: linear | 1-sqrt | cosine",
        ]
    }

    private let config: Config
    private let start: Int
    private let length: Int

    public init(_ config: Config, horizon: ScheduleHorizon) throws {
        var problems: [InputProblem] = []
        if !(0...1).contains(config.minRatio) {
            problems.append(InputProblem("scheduler.min_ratio", "found \(config.minRatio), expected a number in 0...1"))
        }
        if !(0...1).contains(config.decayRatio) {
            problems.append(
                InputProblem("scheduler.decay_ratio", "found \(config.decayRatio), expected a number in 0...1"))
        }
        if let steps = config.decaySteps, steps < 0 {
            problems.append(InputProblem("scheduler.decay_steps", "found \(steps), expected 0 or more"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        self.config = config
        let wanted = config.decaySteps ?? Int((Double(horizon.steps) * config.decayRatio).rounded())
        length = min(wanted, max(0, horizon.steps - horizon.warmupSteps))
        start = horizon.steps - length
    }

    public func factor(step: Int) -> Double {
        guard step >= start, length > 0 else { return 1 }
        let p = min(1, Double(step - start) / Double(length))
        let fall = switch config.shape {
        case .linear: 1 - p
        case .squareRoot: 1 - p.squareRoot()
        case .cosine: (1 + cos(.pi * p)) / 2
        }
        return config.minRatio + (1 - config.minRatio) * fall
    }
}

/// Registers `wsd`.
public struct WSDPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.scheduler("wsd", WSD.self) }
}
