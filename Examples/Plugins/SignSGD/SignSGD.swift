import Core
public import PluginAPI

/// m = momentum m + (1 - momentum) g;  w = w - lr (sign(m) + weightDecay w)
///
/// Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", 2018, arXiv 1802.04434, algorithm 2.
public struct SignSGD: Optimizer {
    /// The settings that a recipe can give.
    public struct Config: PluginConfig {
        var momentum = 0.9

        public static let template = Config()
        public static let help = ["momentum": "share of the old average that each step keeps, 0 to 1"]
    }

    private let momentum: Double

    public init(_ config: Config) throws {
        guard (0..<1).contains(config.momentum) else {
            throw InputError("optimizer.momentum", "found \(config.momentum), expected 0 <= momentum < 1")
        }
        momentum = config.momentum
    }

    public var stateNames: [String] { ["momentum"] }

    public func update(_ element: UpdateElement) -> UpdatedElement {
        let average = element.states[0] * momentum + element.gradient * (1 - momentum)
        let step = average.sign + element.weightDecay * element.weight
        return UpdatedElement(weight: element.weight - element.lr * step, states: [average])
    }
}
