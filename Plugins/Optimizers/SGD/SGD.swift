internal import Core
public import PluginAPI

/// Stochastic gradient descent with momentum: Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", ICML 2013, in the form of `torch.optim.SGD` (weight decay is added to the gradient).
public struct SGD: Optimizer {
    /// What the recipe's `optimizer:` section may say beside what every optimizer has.
    public struct Config: PluginConfig {
        /// See `help`.
        public var momentum = 0.0
        /// See `help`.
        public var dampening = 0.0
        /// See `help`.
        public var nesterov = false

        public static let template = Config()
        public static let help = [
            "momentum": "share of the last direction that is kept, 0..<1; 0 keeps no state",
            "dampening": "share of the gradient that is left out of the direction, after the first step",
            "nesterov": "whether the gradient is taken after the momentum's step; needs momentum and no dampening",
        ]
    }

    private let config: Config

    public init(_ config: Config) throws {
        guard config.momentum >= 0, config.momentum < 1 else {
            throw InputError("optimizer.momentum", "found \(config.momentum), expected a number in 0..<1")
        }
        guard !config.nesterov || (config.momentum > 0 && config.dampening == 0) else {
            throw InputError(
                "optimizer.nesterov",
                "found true with momentum \(config.momentum) and dampening \(config.dampening), expected momentum "
                    + "above 0 and no dampening", fix: "optimizer.momentum=0.9 optimizer.dampening=0")
        }
        self.config = config
    }

    public var stateNames: [String] { config.momentum == 0 ? [] : ["momentum_buffer"] }

    /// The gradient's share of the direction: all of it in the first step.
    public func scalars(step: Int) -> [Double] { [step == 1 ? 1 : 1 - config.dampening] }

    /// d = g + decay w; b = momentum b + d; w -= lr b, with nesterov w -= lr (d + momentum b)
    public func update(_ x: UpdateElement) -> UpdatedElement {
        let direction = x.gradient + x.weightDecay * x.weight
        guard config.momentum > 0 else { return UpdatedElement(weight: x.weight - x.lr * direction, states: []) }
        let buffer = x.states[0] * config.momentum + direction * x.scalars[0]
        let step = config.nesterov ? direction + buffer * config.momentum : buffer
        return UpdatedElement(weight: x.weight - x.lr * step, states: [buffer])
    }
}

/// Registers `sgd`.
public struct SGDPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.optimizer("sgd", SGD.self) }
}
