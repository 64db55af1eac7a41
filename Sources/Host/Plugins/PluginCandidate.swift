public import Foundation

/// A plugin that was found, known by its manifest alone.
public struct PluginCandidate: Sendable {
    public let manifest: PluginManifest
    public let source: PluginSource
    /// The place of its root in the search path; compiled plugins come first.
    let root: Int
    /// Whether the user named the file itself, so that its failure ends the run.
    let isNamed: Bool
    /// Whether it was named on the command line, which opts in to what it replaces.
    let isOnCommandLine: Bool
    /// What a workspace recorded of its file.
    var recorded: PluginWorkspace.Built?
    /// Why it cannot be used; known without loading it.
    var error: PluginError?
}

/// Where a plugin comes from.
public enum PluginSource: Sendable, CustomStringConvertible {
    case compiled(CompiledPlugin)
    /// The file to load, and how it was written by the user or found.
    case file(URL, shown: String)

    public var description: String {
        switch self {
        case .compiled: "built in"
        case .file(_, let shown): shown
        }
    }

    var isCompiled: Bool {
        if case .compiled = self { true } else { false }
    }
}
