internal import Core

extension PolicyModel {
    /// The cross-entropy of one step's micro-batches, forward and backward, in the order of the pipeline's schedule: what
    /// lies between a step's data and its update, for measurements. All ranks must call it with as many.
    /// - Throws: what other ranks' failures throw.
    package func accumulateGradients(_ batches: [MicroBatch]) throws {
        var pass = StagePass(self, batches, ObjectiveSettings())
        try pass.train { scores, _ in
            scores.crossEntropy(weight: "cross_entropy").terms.map {
                ($0.sum, gradient: runtime.full($0.sum.shape, $0.sum.dtype, $0.coefficient))
            }
        }
    }
}
