/// A family of models that `Decoder` can be: how its config.json reads.
public protocol DecoderFamily: SendableMetatype {
    /// The values of `model_type` that the family answers to.
    static var modelTypes: [String] { get }
    /// - Throws: `ModelConfigError` with all problems.
    static func decoder(from config: ModelConfig) throws -> DecoderConfiguration
}
