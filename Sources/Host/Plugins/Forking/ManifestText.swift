import JSON

/// A plugin.json as Forktail writes it: one key a line, and one element of a list a line, so that git merges key by key.
enum ManifestText {
    static func text(_ manifest: JSONValue) -> String {
        let lines = manifest.members.map { "  \(key($0.key)): \(value($0.value))" }
        return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
    }

    private static func key(_ name: String) -> String { JSONValue.string(name).text }

    private static func value(_ value: JSONValue) -> String {
        guard let items = value.array, !items.isEmpty else { return value.text }
        return "[\n" + items.map { "    \(item($0))" }.joined(separator: ",\n") + "\n  ]"
    }

    private static func item(_ value: JSONValue) -> String {
        guard !value.members.isEmpty else { return value.text }
        return "{ " + value.members.map { "\(key($0.key)): \($0.value.text)" }.joined(separator: ", ") + " }"
    }
}
