/// A plugin's own settings: a plain struct with defaults, known before anything runs.
///
/// Swift's synthesised decoding throws on a missing key that has a default and ignores unknown ones, so the host encodes
/// `template`, lays the recipe over it, rejects keys that are in neither `template` nor `help`, and decodes the result.
public protocol PluginConfig: Codable, Sendable, SendableMetatype {
    /// The defaults.
    static var template: Self { get }
    /// One line for each key (coding key, dots for nested ones): meaning, unit, range.
    static var help: [String: String] { get }
    /// Keys that the recipe must give.
    static var required: [String] { get }
}

extension PluginConfig {
    public static var required: [String] { [] }
}

/// The settings of a plugin that has none.
public struct NoConfig: PluginConfig {
    public init() {}
    public static let template = NoConfig()
    public static let help: [String: String] = [:]
}
