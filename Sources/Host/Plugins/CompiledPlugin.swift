public import PluginAPI

/// A plugin that is linked into the host.
///
/// A host of your own is a call of the same entry with more of them; no file is loaded for these.
public struct CompiledPlugin: Sendable {
    /// The text of its plugin.json.
    public let manifest: String
    public let type: any Plugin.Type

    public init(manifest: String, _ type: any Plugin.Type) {
        self.manifest = manifest
        self.type = type
    }
}
