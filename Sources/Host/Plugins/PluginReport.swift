import JSON
public import PluginAPI

/// `forktail plugins info` and `explain`: one plugin, one name.
public struct PluginReport: Sendable {
    private let catalog: PluginCatalog
    private let resolution: PluginResolution

    public init(_ catalog: PluginCatalog) {
        self.catalog = catalog
        resolution = PluginResolution(catalog)
    }

    /// Everything that is known of a plugin: its manifest, its state, and its settings with defaults and help.
    /// - Parameter id: the plugin's, or that of something it provides.
    /// - Throws: `PluginError` (`notFound`) with the nearest id.
    public func info(_ id: String) throws -> String {
        let candidates = catalog.candidates
        let number = candidates.firstIndex { "\($0.manifest.id)" == id }
            ?? candidates.firstIndex { $0.manifest.provides.contains { "\($0.id)" == id } }
        guard let number else {
            let known = candidates.map { "\($0.manifest.id)" }
            throw PluginError.unknownID(id, setting: "the command", known: known.sorted())
        }
        let (candidate, manifest) = (candidates[number], candidates[number].manifest)
        var lines = [
            "\(manifest.id) \(manifest.version)", manifest.summary, "",
            "license   \(manifest.license)", "source    \(candidate.source)", "api       \(manifest.api)",
        ]
        if !manifest.requires.isEmpty {
            lines.append("requires  " + manifest.requires.map { "\($0.kind.rawValue) \($0.name)" }.joined(separator: ", "))
        }
        lines += manifest.lineage.map { "from      \($0.id) \($0.version) (commit \($0.commit.prefix(12)))" }
        let loaded = Result { try PluginLoader().load(candidate) }
        for provision in manifest.provides {
            lines += ["", "\(provision.id.kind.rawValue) \(provision.id.name)"]
            lines.append("  state   \(resolution.state(of: provision.id, candidate: number))")
            if let parent = provision.replaces { lines.append("  replaces  \(parent)") }
            if case .success(let plugin) = loaded,
                let contribution = plugin.contributions.first(where: {
                    $0.kind == provision.id.kind && $0.name == provision.id.name
                })
            {
                lines += PluginReport.settings(contribution.schema)
            }
        }
        if case .failure(let error) = loaded { lines += ["", "error: \(error)"] }
        return lines.joined(separator: "\n")
    }

    /// One line a key: its default and its help.
    private static func settings(_ schema: ConfigSchema) -> [String] {
        if schema.keys.isEmpty { return ["  no settings"] }
        func rows(_ value: JSONValue?, _ keys: [String], _ prefix: String) -> [[String]] {
            keys.flatMap { key -> [[String]] in
                let path = prefix + key
                let found = value?[key]
                if case .object(let members) = found, !members.isEmpty {
                    return rows(found, members.map(\.key), path + ".")
                }
                let standard = schema.required.contains(path) ? "(required)" : found?.text ?? "(none)"
                return [["  " + path, standard, schema.help[path] ?? ""]]
            }
        }
        let table = TextTable(
            header: ["  SETTING", "DEFAULT", "MEANING"], rows: rows(schema.template, schema.keys, ""))
        return [table.text]
    }

    /// Why a name means what it means.
    /// - Throws: `PluginError` (`notFound`) with the nearest name.
    public func explain(_ kind: PluginKind, _ name: String) throws -> String {
        let rows = resolution.rows.filter { $0.kind == kind && $0.name == name }
        guard !rows.isEmpty else {
            let known = Set(resolution.rows.filter { $0.kind == kind }.compactMap(\.name))
            throw PluginError.notFound(kind, name, known: known.sorted())
        }
        var lines: [String] = []
        if let winner = resolution.winners[PluginSlot(kind, name)] {
            lines.append("\(kind.rawValue) '\(name)' is \(winner.id) \(winner.version) (\(winner.source)): \(reason(winner))")
            let chain = resolution.replacementChain(of: winner.id)
            if !chain.isEmpty {
                lines.append("replaces: " + ([winner.id] + chain).map(\.description).joined(separator: " -> "))
            }
            let manifest = catalog.candidates[winner.candidate].manifest
            lines += manifest.lineage.map { "forked from \($0.id) \($0.version), commit \($0.commit), tree \($0.tree)" }
        } else {
            lines.append("\(kind.rawValue) '\(name)' cannot be used")
        }
        for row in rows {
            lines.append("  \(row.id.map { "\($0)" } ?? "-") (\(row.source ?? "-")): \(row.state)")
            if case .error(let error) = row.state { lines.append("    \(error)") }
        }
        return lines.joined(separator: "\n")
    }

    private func reason(_ winner: PluginProvision) -> String {
        let rivals = resolution.provisions.filter { $0.slot == winner.slot }
        if rivals.count == 1 { return "nothing else provides it" }
        let used = catalog.settings.use
        if used.contains("\(winner.id)") || used.contains("\(winner.plugin)") { return "plugins.use names it" }
        if catalog.candidates[winner.candidate].isOnCommandLine { return "the command line names its file" }
        if winner.provision.replaces != nil { return "it replaces the others" }
        return "nobody opted in to what would replace it"
    }
}
