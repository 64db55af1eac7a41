public import DataLoader
public import PluginAPI

/// 1 for completions of a length within bounds, falling linearly to 0 over `margin` tokens outside them.
public struct Length: Reward {
    /// The reward's options.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var min = 0
        public var max: Int
        public var margin = 0

        public static let template = Config(max: 256)
        public static let help = [
            "min": "fewest tokens of a completion that is worth 1",
            "max": "most tokens of a completion that is worth 1",
            "margin": "tokens outside the bounds over which the reward falls to 0; 0 = at once",
        ]
    }

    private let config: Config

    public init(_ config: Config) throws {
        guard config.min >= 0, config.min <= config.max, config.margin >= 0 else {
            throw InputError(
                "length", "found min \(config.min), max \(config.max), margin \(config.margin); expected 0 <= min <= "
                    + "max and a margin of 0 or more")
        }
        self.config = config
    }

    public func score(_ completion: Completion, for sample: Sample) -> Double? {
        let count = completion.ids.count
        let outside = Swift.max(config.min - count, count - config.max, 0)
        return Swift.max(0, 1 - Double(outside) / Double(config.margin + 1))
    }
}

/// Registers `length`.
public struct LengthPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.reward("length", Length.self) }
}
