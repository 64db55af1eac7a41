/// One thing that a pipeline rank does with one micro-batch.
public struct PipelineAction: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case forward = "F"
        /// The gradients of inputs and weights.
        case backward = "B"
        /// The gradient of the inputs alone, which the stage before waits for.
        case backwardInput = "I"
        /// The gradients of the weights alone, which nobody waits for before the step's end.
        case backwardWeight = "W"
    }

    public let kind: Kind
    public let microBatch: Int
    /// Which of the rank's parts of the model, from 0 in the order of their layers.
    public let chunk: Int

    public init(_ kind: Kind, microBatch: Int, chunk: Int = 0) {
        (self.kind, self.microBatch, self.chunk) = (kind, microBatch, chunk)
    }
}

extension PipelineAction: CustomStringConvertible {
    public var description: String { "\(kind.rawValue)\(microBatch)" + (chunk == 0 ? "" : ".\(chunk)") }
}
