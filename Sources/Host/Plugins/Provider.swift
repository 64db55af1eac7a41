public import PluginAPI

/// What a recipe's name stands for: where it comes from, its settings, and how it is made.
///
/// The maker's own members are reached directly: `try registry.optimizer("adamw").make(settings, "optimizer")`.
@dynamicMemberLookup
public struct Provider<Maker: Sendable>: Sendable {
    /// The full name.
    public let id: PluginID
    public let version: SemanticVersion
    /// Its settings: defaults, help, required keys.
    public let schema: ConfigSchema
    public let maker: Maker
    /// Worth saying to the user: the name that was asked for is an old one.
    public let notice: String?

    public subscript<Member>(dynamicMember path: KeyPath<Maker, Member>) -> Member { maker[keyPath: path] }
}
