internal import CPluginABI

/// Which interface the host and its plugins are compiled against.
public enum PluginInterface {
    /// Raised when a plugin's source stops compiling or changes meaning.
    @_alwaysEmitIntoClient public static var major: Int { 1 }
    /// Raised when something is added.
    @_alwaysEmitIntoClient public static var minor: Int { 0 }
}
