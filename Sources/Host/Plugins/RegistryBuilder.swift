import PluginAPI

/// Turns a catalog into a registry: resolves, loads what is needed, registers, and freezes. All or nothing.
public struct RegistryBuilder {
    private let catalog: PluginCatalog

    public init(_ catalog: PluginCatalog) { self.catalog = catalog }

    /// The lines of `plugins list`; loads nothing.
    public static func rows(of catalog: PluginCatalog) -> [PluginRow] { PluginResolution(catalog).rows }

    /// - Throws: `PluginErrors` with everything that is wrong.
    public func build() throws -> Registry {
        let resolution = PluginResolution(catalog)
        var errors = resolution.errors
        guard errors.isEmpty else { throw PluginErrors(errors: errors) }
        var entries: [PluginID: Registry.Entry] = [:]
        var failures: [PluginID: PluginError] = [:]
        var locked: [PluginLock.Plugin] = []
        let loader = PluginLoader()
        let use = Set(catalog.settings.use)
        for number in resolution.needed.sorted() {
            let candidate = catalog.candidates[number]
            let manifest = candidate.manifest
            do {
                let loaded = try loader.load(candidate)
                for contribution in loaded.contributions {
                    let id = PluginID(
                        publisher: manifest.id.publisher, kind: contribution.kind, name: contribution.name)
                    guard !resolution.blocked.contains(id) else { continue }
                    entries[id] = Registry.Entry(id: id, version: manifest.version, contribution: contribution)
                }
                locked.append(
                    PluginLock.Plugin(
                        id: "\(manifest.id)", version: "\(manifest.version)", digest: loaded.digest,
                        commit: candidate.recorded?.commit))
            } catch let error as PluginError {
                let ids = [manifest.id] + manifest.provides.map(\.id)
                if candidate.isNamed || ids.contains(where: { use.contains("\($0)") }) { errors.append(error) }
                for id in ids { failures[id] = error }
            }
        }
        guard errors.isEmpty else { throw PluginErrors(errors: errors) }
        let rows = resolution.rows.map { row in
            guard let id = row.id, let error = failures[id] else { return row }
            switch row.state {
            case .active, .replaced: break
            default: return row
            }
            return PluginRow(
                kind: row.kind, name: row.name, id: id, version: row.version, source: row.source, state: .error(error))
        }
        return Registry(
            winners: resolution.winners.mapValues(\.id), entries: entries, failures: failures,
            deprecated: deprecatedNames(resolution), rows: rows, notices: resolution.notices,
            resolvedSet: PluginLock(locked))
    }

    /// Old names of the winners, where nothing has taken the name since.
    private func deprecatedNames(_ resolution: PluginResolution) -> [PluginSlot: PluginID] {
        var names: [PluginSlot: PluginID] = [:]
        for winner in resolution.winners.values.sorted(by: { $0.id < $1.id }) {
            for old in winner.provision.deprecated {
                let slot = PluginSlot(winner.id.kind, old)
                if resolution.winners[slot] == nil, names[slot] == nil { names[slot] = winner.id }
            }
        }
        return names
    }
}
