internal import Core
public import PluginAPI

/// Evolved sign momentum: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, arXiv 2302.06675,
/// program 1. Learning rates are 3 to 10 times smaller than AdamW's, decays as much larger.
public struct Lion: Optimizer {
    /// What the recipe's `optimizer:` section may say beside what every optimizer has.
    public struct Config: PluginConfig {
        /// See `help`.
        public var betas = [0.9, 0.99]

        public static let template = Config()
        public static let help = [
            "betas": "weight of the momentum in the direction, and the momentum's decay rate, each in 0..<1"
        ]
    }

    private let config: Config

    public init(_ config: Config) throws {
        guard config.betas.count == 2, config.betas.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
            throw InputError("optimizer.betas", "found \(config.betas), expected two numbers in 0..<1")
        }
        self.config = config
    }

    public var stateNames: [String] { ["exp_avg"] }

    /// w -= lr (sign(beta1 m + (1 - beta1) g) + decay w); m = beta2 m + (1 - beta2) g
    public func update(_ x: UpdateElement) -> UpdatedElement {
        let (beta1, beta2) = (config.betas[0], config.betas[1])
        let direction = (x.states[0] * beta1 + x.gradient * (1 - beta1)).sign
        let decayed = x.weight - x.lr * x.weightDecay * x.weight
        return UpdatedElement(
            weight: decayed - x.lr * direction, states: [x.states[0] * beta2 + x.gradient * (1 - beta2)])
    }
}

/// Registers `lion`.
public struct LionPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.optimizer("lion", Lion.self) }
}
