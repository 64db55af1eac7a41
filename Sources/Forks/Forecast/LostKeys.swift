/// Recipe keys that a sync takes away.
///
/// Read from the sources, nothing is compiled: the keys of every `help` of a settings type, which has one line for each
/// key that a recipe may set. Not seen are keys whose meaning or values changed, and those of types without `help`.
package struct LostKeys: Sendable, Hashable {
    /// The plugin, or the file where they stood.
    package let place: String
    /// Sorted; empty when the plugin itself is gone.
    package let keys: [String]

    static func find(_ old: TreeListing, _ oldPlugins: PluginFolders, _ new: TreeListing, _ newPlugins: PluginFolders)
        async throws -> [LostKeys]
    {
        let before = try await keys(old, oldPlugins, comparedTo: new)
        let after = try await keys(new, newPlugins, comparedTo: nil)
        return before.sorted { $0.key < $1.key }.compactMap { place, keys in
            if oldPlugins.plugins[place] != nil, newPlugins.plugins[place] == nil { return LostKeys(place: place, keys: []) }
            // Outside plugins a type may have moved to another file: a key is lost when no file has it.
            let left = oldPlugins.plugins[place] == nil ? Set(after.values.joined()) : after[place] ?? []
            let lost = keys.subtracting(left).sorted()
            return lost.isEmpty ? nil : LostKeys(place: place, keys: lost)
        }
    }

    /// The keys of each plugin, and of each other source file; with `other`, only where a file is not the same there.
    private static func keys(
        _ listing: TreeListing, _ plugins: PluginFolders, comparedTo other: TreeListing?
    ) async throws -> [String: Set<String>] {
        let sources = listing.files.keys.filter { path in
            path.hasSuffix(".swift") && !path.hasPrefix("Tests/")
                && (other == nil || other?.files[path] != listing.files[path])
        }
        var keys: [String: Set<String>] = [:]
        for (path, text) in try await listing.texts(Array(sources)) where text.contains("static let help") {
            keys[plugins.owner(of: path)?.id ?? path, default: []].formUnion(LostKeys.keys(of: text))
        }
        return keys
    }

    /// The keys of every `static let help = [...]` of a source.
    package static func keys(of source: String) -> Set<String> {
        var keys: Set<String> = []
        for start in source.matches(of: /static let help\b[^=\n]*=\s*\[/) {
            var rest = source[start.range.upperBound...]
            var literal: String?
            scan: while let character = rest.popFirst() {
                switch character {
                case "]": break scan
                case ":":
                    if let key = literal { keys.insert(key) }
                    literal = nil
                case "\"":
                    var text = ""
                    while let next = rest.popFirst(), next != "\"" {
                        text.append(next)
                        if next == "\\", let escaped = rest.popFirst() { text.append(escaped) }
                    }
                    literal = text
                case let space where space.isWhitespace: break
                default: literal = nil
                }
            }
        }
        return keys
    }
}
