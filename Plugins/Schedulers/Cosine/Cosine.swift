internal import Foundation
public import PluginAPI

/// Half a cosine from 1, after warm-up, to `min_ratio` at the end of the run: Loshchilov and Hutter, "SGDR", 2016,
/// arXiv 1608.03983, equation 5, without restarts.
public struct Cosine: Scheduler {
    /// What the recipe's `scheduler:` section may say beside `warmup_steps`.
    public struct Config: PluginConfig {
        /// See `help`.
        public var minRatio = 0.0

        enum CodingKeys: String, CodingKey { case minRatio = "min_ratio" }

        public static let template = Config()
        public static let help = ["min_ratio": "the factor on the learning rate at the end, 0...1"]
    }

    private let minRatio: Double
    private let horizon: ScheduleHorizon

    public init(_ config: Config, horizon: ScheduleHorizon) throws {
        guard (0...1).contains(config.minRatio) else {
            throw InputError("scheduler.min_ratio", "found \(config.minRatio), expected a number in 0...1")
        }
        minRatio = config.minRatio
        self.horizon = horizon
    }

    public func factor(step: Int) -> Double {
        minRatio + (1 - minRatio) * (1 + cos(.pi * horizon.progress(step: step))) / 2
    }
}

/// Registers `cosine`.
public struct CosinePlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.scheduler("cosine", Cosine.self) }
}
