public import PluginAPI

/// What a recipe's name stands for: where it comes from, its settings, and how it is made.
public struct Provider<Maker: Sendable>: Sendable {
    /// The full name.
    public let id: PluginID
    public let version: SemanticVersion
    /// Its settings: defaults, help, required keys.
    public let schema: ConfigSchema
    public let make: Maker
    /// Worth saying to the user: the name that was asked for is an old one.
    public let notice: String?
}
