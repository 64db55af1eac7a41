public import Core

/// Reads one family's config.json into the common decoder's configuration.
public protocol ModelFamily: Sendable, SendableMetatype {
    /// The values of config.json's `model_type` that belong to the family.
    static var modelTypes: [String] { get }
    /// - Throws: an error that lists every key that cannot be honoured.
    static func decoder(from config: ModelConfig) throws -> DecoderConfiguration
}
