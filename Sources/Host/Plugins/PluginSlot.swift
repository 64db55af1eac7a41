public import PluginAPI

/// What recipes name: a kind and a name, which exactly one plugin fills.
public struct PluginSlot: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let kind: PluginKind
    public let name: String

    public init(_ kind: PluginKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    public var description: String { "\(kind.rawValue) '\(name)'" }

    public static func < (a: PluginSlot, b: PluginSlot) -> Bool {
        (a.kind.rawValue, a.name) < (b.kind.rawValue, b.name)
    }
}

/// One candidate for a slot.
struct PluginProvision: Sendable {
    let provision: PluginManifest.Provision
    /// The number of the candidate in the catalog.
    let candidate: Int
    let plugin: PluginID
    let version: SemanticVersion
    let source: String
    let isCompiled: Bool

    var id: PluginID { provision.id }
    var slot: PluginSlot { PluginSlot(id.kind, id.name) }
}
