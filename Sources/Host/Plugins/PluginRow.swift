public import PluginAPI

/// One line of `forktail plugins list`.
public struct PluginRow: Sendable {
    /// nil for a file whose manifest cannot be read.
    public let kind: PluginKind?
    public let name: String?
    /// What the slot's full name is.
    public let id: PluginID?
    public let version: SemanticVersion?
    /// "built in" or a path.
    public let source: String?
    public let state: State

    public enum State: Sendable, Hashable, CustomStringConvertible {
        case active(replaces: PluginID?)
        case replaced(by: PluginID)
        /// It would replace something, but nobody opted in.
        case available
        case blocked
        /// Another file of the same id comes earlier in the search path.
        case shadowed(by: String)
        case error(PluginError)
        /// A kind that nothing can provide yet.
        case reserved

        public var description: String {
            switch self {
            case .active(.some(let parent)): "active, replaces \(parent)"
            case .active(nil): "active"
            case .replaced: "replaced"
            case .available: "available"
            case .blocked: "blocked"
            case .shadowed(let path): "shadowed by \(path)"
            case .error(let error): "error: \(error.code.phrase)"
            case .reserved: "reserved"
            }
        }
    }
}
