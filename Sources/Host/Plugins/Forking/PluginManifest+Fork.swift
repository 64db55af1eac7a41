import JSON
import PluginAPI

extension PluginManifest {
    /// The manifest of a fork of this plugin: the fork replaces all that this one provides.
    /// - Parameters:
    ///   - id: the fork's.
    ///   - version: the fork's.
    ///   - lineage: the fork's, nearest ancestor first.
    func forked(as id: PluginID, version: String, lineage: [Ancestor]) -> JSONValue {
        let provided = zip(json["provides"]?.array ?? [], provides).map { value, provision in
            value.setting("replaces", to: .string("\(provision.id)"))
        }
        // The parent's last releases for earlier interfaces are not the fork's.
        let kept = JSONValue.object(json.members.filter { $0.key != "releases" })
        return kept.setting("id", to: .string("\(id)")).setting("version", to: .string(version))
            .setting("provides", to: .array(provided)).setting("lineage", to: .array(lineage.map(\.json)))
    }

    /// The same manifest with another lineage.
    func with(lineage: [Ancestor]) -> JSONValue { json.setting("lineage", to: .array(lineage.map(\.json))) }
}

extension PluginManifest.Ancestor {
    var json: JSONValue {
        .object([
            .init("id", .string("\(id)")), .init("version", .string("\(version)")), .init("commit", .string(commit)),
            .init("tree", .string(tree)),
        ])
    }
}
