public import JSON
public import PluginAPI

/// What a plugin says of itself in `plugin.json`; listings read nothing else.
public struct PluginManifest: Sendable, Hashable {
    public let id: PluginID
    public let version: SemanticVersion
    /// The interface it needs.
    public let api: InterfaceVersion
    public let summary: String
    /// An SPDX identifier.
    public let license: String
    /// The Swift type that conforms to `Plugin`.
    public let principal: String
    public let provides: [Provision]
    public let requires: [Requirement]
    /// The plugins it was forked from, nearest first.
    public let lineage: [Ancestor]
    /// The last release for earlier interfaces: major number -> version range, e.g. "1": "0.4.x".
    public let releases: [String: String]
    /// The whole file.
    public let json: JSONValue

    /// One thing that the plugin registers.
    public struct Provision: Sendable, Hashable {
        /// The plugin's publisher with this kind and name.
        public let id: PluginID
        /// What it takes the place of, when the user opts in.
        public let replaces: PluginID?
        /// Earlier names, which lead here with a notice.
        public let deprecated: [String]
    }

    /// Something that must be there for the plugin to work.
    public struct Requirement: Sendable, Hashable {
        public let kind: PluginKind
        public let name: String
    }

    /// Where a fork was made from.
    public struct Ancestor: Sendable, Hashable {
        public let id: PluginID
        public let version: SemanticVersion
        /// The commit and the git tree of the folder, 40 hexadecimal digits each.
        public let commit: String
        public let tree: String
    }
}
