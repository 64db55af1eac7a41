/// Which interface the host and its plugins are compiled against.
///
/// `fingerprint`, the marker followed by 64 hexadecimal digits, is added by the build (Sources/InterfaceFingerprint).
public enum PluginInterface {
    /// Raised when a plugin's source stops compiling or changes meaning.
    @_alwaysEmitIntoClient public static var major: Int { 0 }
    /// Raised when something is added.
    @_alwaysEmitIntoClient public static var minor: Int { 1 }
    /// What stands before the digits, so that they can be found in a file without loading it.
    public static let marker = "forktail-interface:"
}
