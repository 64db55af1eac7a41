/// What kind of change a fork carries; the ladder of Docs/forks.md, from the cheapest to carry.
package enum ChangeKind: String, Sendable, Hashable, CaseIterable {
    /// A plugin of the fork's own.
    case newPlugin = "new-plugin"
    /// A plugin that replaces one of upstream's by name.
    case pluginOverride = "plugin-override"
    /// A change of upstream's own sources.
    case corePatch = "core-patch"
    /// Package, scripts, continuous integration.
    case build
    /// Documentation.
    case docs
}
