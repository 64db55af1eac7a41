/// Which part of a decoder a pipeline stage is.
public struct ModelStage: Sendable, Hashable, CustomStringConvertible {
    /// Its blocks.
    public let layers: Range<Int>
    /// Whether it embeds the tokens.
    public let isFirst: Bool
    /// Whether it has the final norm and the head.
    public let isLast: Bool

    public init(layers: Range<Int>, isFirst: Bool, isLast: Bool) {
        (self.layers, self.isFirst, self.isLast) = (layers, isFirst, isLast)
    }

    /// All of a model.
    public init(whole configuration: DecoderConfiguration) {
        self.init(layers: configuration.layers.indices, isFirst: true, isLast: true)
    }

    public var description: String { "the stage of layers \(layers.lowerBound) to \(layers.upperBound - 1)" }

    /// The blocks of parameters (`ParameterSpec.block`) that are not one layer's: what lies before the first layer and
    /// after the last. A tied embedding is in both.
    public func ends(_ configuration: DecoderConfiguration) -> [String] {
        let exit = configuration.isTied ? ["embedding", "head"] : ["head"]
        return isFirst ? ["embedding", "positions"] + (isLast ? ["head"] : []) : isLast ? exit : []
    }

    /// Whether the stage needs a parameter.
    public func needs(_ spec: ParameterSpec, of configuration: DecoderConfiguration) -> Bool {
        if ends(configuration).contains(spec.block) { return true }
        return layers.contains { DecoderConfiguration.blockName($0) == spec.block }
    }
}
