/// What a layer declares of a parameter before any memory exists.
public struct ParameterSpec: Sendable, Hashable {
    /// The name under which Hugging Face directories store it.
    public let name: String
    /// The whole parameter's shape, whatever part of it a rank stores.
    public let shape: [Int]
    /// The block that it belongs to, e.g. "embedding", "layers.3" or "head": what pipelines, ZeRO and checkpoints cut
    /// at.
    public let block: String
    public let initializer: Initializer
    public let placement: Placement

    public init(_ name: String, _ shape: [Int], block: String, initializer: Initializer, placement: Placement) {
        self.name = name
        self.shape = shape
        self.block = block
        self.initializer = initializer
        self.placement = placement
    }

    public var elementCount: Int { shape.reduce(1, *) }
}

/// How a new parameter is filled.
public enum Initializer: Sendable, Hashable {
    /// Normal numbers with mean 0, a pure function of (seed, name, element): the same bits under every layout.
    case normal(standardDeviation: Double)
    case zeros
    case ones
}
