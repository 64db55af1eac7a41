// R rows, C columns of a weight matrix

internal import Core
internal import Foundation
public import PluginAPI

/// Momentum orthogonalised by a Newton-Schulz iteration, for the matrices inside the model: Jordan et al., "Muon: An
/// optimizer for hidden layers in neural networks", 2024 (kellerjordan.github.io/posts/muon), in the order of
/// operations of `torch.optim.Muon`. Embeddings, the head and vectors follow AdamW's rule.
public struct Muon: WholeMatrixOptimizer {
    /// How the learning rate depends on a matrix's shape.
    public enum Adjustment: String, Codable, Sendable {
        /// sqrt(max(1, R / C)), Jordan's.
        case original
        /// 0.2 sqrt(max(R, C)): updates as large as AdamW's, so one learning rate serves both (Liu et al., "Muon is
        /// Scalable for LLM Training", 2025, arXiv 2502.16982, equation 4).
        case matchAdamW = "match_rms_adamw"
    }

    /// What the recipe's `optimizer:` section may say beside what every optimizer has.
    public struct Config: PluginConfig {
        /// See `help`, here and below.
        public var momentum = 0.95
        public var nesterov = true
        public var iterations = 5
        public var adjustment = Adjustment.matchAdamW
        public var exclude = ["*embed*", "*lm_head*", "*.wte.*", "*.wpe.*"]
        public var betas = [0.9, 0.95]
        public var eps = 1e-8

        enum CodingKeys: String, CodingKey {
            case momentum, nesterov, exclude, betas, eps
            case iterations = "ns_steps"
            case adjustment = "adjust_lr"
        }

        public static let template = Config()
        public static let help = [
            "momentum": "share of the last direction that is kept, 0..<1",
            "nesterov": "whether the gradient is mixed into the direction once more",
            "ns_steps": "Newton-Schulz iterations",
            "adjust_lr": "of a matrix's lr: match_rms_adamw = 0.2 sqrt(max(R, C)) | original = sqrt(max(1, R/C))",
            "exclude": "patterns of matrices that follow AdamW's rule all the same",
            "betas": "of AdamW's rule",
            "eps": "of AdamW's rule",
        ]
    }

    private let config: Config
    private let excluded: [NamePattern]

    public init(_ config: Config) throws {
        var problems: [InputProblem] = []
        if config.momentum < 0 || config.momentum >= 1 {
            problems.append(InputProblem("optimizer.momentum", "found \(config.momentum), expected a number in 0..<1"))
        }
        if config.betas.count != 2 || !config.betas.allSatisfy({ $0 >= 0 && $0 < 1 }) {
            problems.append(InputProblem("optimizer.betas", "found \(config.betas), expected two numbers in 0..<1"))
        }
        if config.iterations < 1 {
            problems.append(InputProblem("optimizer.ns_steps", "found \(config.iterations), expected 1 or more"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        self.config = config
        excluded = config.exclude.map { NamePattern($0) }
    }

    public func needsWholeMatrix(name: String, shape: [Int]) -> Bool {
        shape.count == 2 && !excluded.contains { $0.matches(name) }
    }

    // MARK: matrices

    public var matrixStateNames: [String] { ["momentum_buffer"] }

    /// b += (1 - momentum) (g - b); u = g + momentum (b - g); w -= lr decay w + lr adjusted NewtonSchulz(u)
    public func update(_ matrix: MatrixUpdate) {
        let buffer = matrix.states[0]
        let runtime = buffer.runtime
        let (momentum, nesterov) = (config.momentum, config.nesterov)
        let direction = runtime.empty(buffer.shape, buffer.dtype)
        let mix = Program(inputs: 2, scalars: 1) { x, scalars in
            let g = x[0] * scalars[0]
            let b = x[1] + (g - x[1]) * (1 - momentum)
            return [b, nesterov ? g + (b - g) * momentum : b]
        }
        runtime.run(
            .map(
                mix, inputs: [matrix.gradient.view, buffer.view], outputs: [buffer.view, direction.view],
                scalars: [matrix.gradientScale]))

        let orthogonal = NewtonSchulz(iterations: config.iterations)(direction)
        let (rows, columns) = (Double(buffer.shape[0]), Double(buffer.shape[1]))
        let factor = switch config.adjustment {
        case .original: max(1, rows / columns).squareRoot()
        case .matchAdamW: 0.2 * max(rows, columns).squareRoot()
        }
        let apply = Program(inputs: 2, scalars: 2) { x, scalars in [x[0] * scalars[0] - x[1] * scalars[1]] }
        runtime.run(
            .map(
                apply, inputs: [matrix.weight.view, orthogonal.view], outputs: [matrix.weight.view],
                scalars: [1 - matrix.lr * matrix.weightDecay, matrix.lr * factor]))
    }

    // MARK: everything else

    public var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }
    public var nonnegativeStates: Set<String> { ["exp_avg_sq"] }

    /// 1 - beta1^t and sqrt(1 - beta2^t)
    public func scalars(step: Int) -> [Double] {
        [1 - pow(config.betas[0], Double(step)), (1 - pow(config.betas[1], Double(step))).squareRoot()]
    }

    /// AdamW's rule: Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2.
    public func update(_ x: UpdateElement) -> UpdatedElement {
        let (beta1, beta2) = (config.betas[0], config.betas[1])
        let m = x.states[0] + (x.gradient - x.states[0]) * (1 - beta1)
        let v = x.states[1] * beta2 + x.gradient * x.gradient * (1 - beta2)
        let decayed = x.weight - x.lr * x.weightDecay * x.weight
        return UpdatedElement(
            weight: decayed - x.lr / x.scalars[0] * (m / (v.squareRoot / x.scalars[1] + config.eps)), states: [m, v])
    }
}

/// Registers `muon`.
public struct MuonPlugin: Plugin {
    public init() {}
    public func register(in registrar: Registrar) throws { try registrar.optimizer("muon", Muon.self) }
}
