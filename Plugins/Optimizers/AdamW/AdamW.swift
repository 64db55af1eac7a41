internal import Core
internal import Foundation
public import PluginAPI

/// Adam with decoupled weight decay: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017,
/// arXiv 1711.05101, algorithm 2, in the order of operations of `torch.optim.AdamW`.
public struct AdamW: Optimizer {
    /// What the recipe's `optimizer:` section may say beside what every optimizer has.
    public struct Config: PluginConfig {
        /// See `help`.
        public var betas = [0.9, 0.999]
        /// See `help`.
        public var eps = 1e-8

        public static let template = Config()
        public static let help = [
            "betas": "decay rates of the running means of gradients and of their squares, each in 0..<1",
            "eps": "added to the root of the mean square",
        ]
    }

    private let config: Config

    public init(_ config: Config) throws {
        guard config.betas.count == 2, config.betas.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
            throw InputError("optimizer.betas", "found \(config.betas), expected two numbers in 0..<1")
        }
        self.config = config
    }

    public var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }
    public var nonnegativeStates: Set<String> { ["exp_avg_sq"] }

    /// 1 - beta1^t and sqrt(1 - beta2^t)
    public func scalars(step: Int) -> [Double] {
        [1 - pow(config.betas[0], Double(step)), (1 - pow(config.betas[1], Double(step))).squareRoot()]
    }

    /// w -= lr decay w; m and v move towards g and g^2; w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
    public func update(_ x: UpdateElement) -> UpdatedElement {
        let (beta1, beta2) = (config.betas[0], config.betas[1])
        let m = x.states[0] + (x.gradient - x.states[0]) * (1 - beta1)
        let v = x.states[1] * beta2 + x.gradient * x.gradient * (1 - beta2)
        let decayed = x.weight - x.lr * x.weightDecay * x.weight
        let size = x.lr / x.scalars[0]
        return UpdatedElement(
            weight: decayed - size * (m / (v.squareRoot / x.scalars[1] + config.eps)), states: [m, v])
    }
}

/// Registers `adamw`.
public struct AdamWPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.optimizer("adamw", AdamW.self) }
}
