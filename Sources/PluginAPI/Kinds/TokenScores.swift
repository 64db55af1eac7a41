// S sequences, N scored positions (trained tokens of all sequences, in order)

public import Core

/// What the model says of the scored positions of one micro-batch, handed to a trainer's objective.
///
/// The loop makes it on whichever rank holds the head; a trainer only writes formulas over it, so that pipelines,
/// context parallelism, packing and fused heads work for every trainer.
public struct TokenScores {
    /// Records what the objective computes.
    public let graph: Graph
    /// [N] log p(token | tokens before it)
    public let logProbs: Tensor
    /// [N] entropy of the predicted distribution
    public let entropy: Tensor
    /// [N] log of the sum of the exponentials of the logits
    public let logSumExp: Tensor
    /// [N] mean log-probability over the vocabulary
    public let meanLogProb: Tensor
    /// [N] int32, the number of each position's sequence in the micro-batch
    public let sequenceIndex: Tensor
    /// S
    public let sequenceCount: Int
    /// What layers add to every trainer's objective (the routers' losses and figures); the loop's verbs join it.
    public let layers: Objective
    private let settings: ObjectiveSettings

    public init(
        graph: Graph, scores: HeadScores, sequenceIndex: Tensor, sequenceCount: Int, settings: ObjectiveSettings,
        layers: Objective = Objective([])
    ) {
        self.graph = graph
        self.logProbs = scores.logProb
        self.entropy = scores.entropy
        self.logSumExp = scores.logSumExp
        self.meanLogProb = scores.meanLogProb
        self.sequenceIndex = sequenceIndex
        self.sequenceCount = sequenceCount
        self.layers = layers
        self.settings = settings
    }

    /// [N] -> [S]: the sum over each sequence's scored positions.
    public func sumPerSequence(_ values: Tensor) -> Tensor {
        graph.sums(values.reshaped(to: [values.elementCount, 1]), by: sequenceIndex, count: sequenceCount)
            .reshaped(to: [sequenceCount])
    }

    /// [S] -> [N]: each position receives its sequence's value.
    public func perToken(_ values: Tensor) -> Tensor {
        graph.rows(values.reshaped(to: [sequenceCount, 1]), at: sequenceIndex).reshaped(to: [sequenceIndex.elementCount])
    }

    /// Numbers of the micro-batch as a tensor of the scores' element type.
    public func tensor(_ values: [Double]) -> Tensor {
        graph.runtime.tensor(values, [values.count], logProbs.dtype)
    }

    /// A formula over tensors of one length, element by element.
    public func map(_ inputs: [Tensor], _ formula: ([Symbol]) -> Symbol) -> Tensor {
        graph.map(Program(inputs: inputs.count) { x, _ in [formula(x)] }, inputs)[0]
    }

    /// The cross-entropy of the scored tokens under the recipe's `objective:` settings, weighed by `name`.
    public func crossEntropy(weight name: String) -> Objective {
        let smoothing = settings.labelSmoothing
        let loss = map(smoothing == 0 ? [logProbs] : [logProbs, meanLogProb]) { x in
            smoothing == 0 ? -x[0] : -((1 - smoothing) * x[0] + smoothing * x[1])
        }
        var objective = Objective([.init(name, sum: loss)])
        if settings.zLoss > 0 {
            let squares = map([logSumExp]) { $0[0] * $0[0] }
            objective.terms.append(.init(name, coefficient: settings.zLoss, sum: squares))
        }
        return objective
    }
}
