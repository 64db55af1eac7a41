public import Core

/// A loss as a list of terms, and figures to report.
public struct Objective {
    /// The loss: sum over terms of coefficient * sum / weight, where the weight is `MicroBatch.weights[name]` added up
    /// over the whole optimizer step. A term whose weight is 0 contributes nothing.
    public var terms: [Term]
    public var metrics: [Metric]

    public init(_ terms: [Term], metrics: [Metric] = []) {
        self.terms = terms
        self.metrics = metrics
    }

    /// The terms and metrics of both.
    func joined(with other: Objective) -> Objective {
        Objective(terms + other.terms, metrics: metrics + other.metrics)
    }

    /// One part of the loss.
    public struct Term {
        /// The name of its weight in `MicroBatch.weights`.
        public let name: String
        public let coefficient: Double
        /// A tensor whose elements' sum over the micro-batch is the term (any shape; the loop adds it up).
        public let sum: Tensor

        public init(_ name: String, coefficient: Double = 1, sum: Tensor) {
            self.name = name
            self.coefficient = coefficient
            self.sum = sum
        }
    }

    /// A figure reported as (sum of all sums) / (sum of all weights).
    public struct Metric {
        public let name: String
        public let sum: Tensor
        public let weight: Double

        public init(_ name: String, sum: Tensor, weight: Double) {
            self.name = name
            self.sum = sum
            self.weight = weight
        }
    }
}

/// The recipe's `objective:` section: what is added to every plain cross-entropy.
public struct ObjectiveSettings: Sendable, Hashable {
    /// Coefficient of the mean squared log-sum-exp (PaLM, Chowdhery et al. 2022, arXiv 2204.02311, section 5).
    public var zLoss: Double
    /// Logits become cap * tanh(logits / cap) (Gemma 2, 2024, arXiv 2408.00118, section 2).
    public var softcap: Double?
    /// Share of the target's probability that is spread over the vocabulary (Szegedy et al. 2015, arXiv 1512.00567, 7).
    public var labelSmoothing: Double
    /// Coefficient of the balancing loss of experts, see `RouterSums.balance`; nil = as config.json says.
    public var routerBalance: Double?
    /// Coefficient of the routers' mean squared log-sum-exp (ST-MoE, Zoph et al. 2022, arXiv 2202.08906, eq. 5).
    public var routerZLoss: Double

    public init(
        zLoss: Double = 0, softcap: Double? = nil, labelSmoothing: Double = 0, routerBalance: Double? = nil,
        routerZLoss: Double = 0
    ) {
        self.zLoss = zLoss
        self.softcap = softcap
        self.labelSmoothing = labelSmoothing
        self.routerBalance = routerBalance
        self.routerZLoss = routerZLoss
    }
}
