import JSON
public import PluginAPI

/// `forktail plugins list`: what there is, from manifests alone.
public struct PluginListing: Sendable {
    private let rows: [PluginRow]

    /// - Parameter kind: only this kind when given.
    public init(_ catalog: PluginCatalog, kind: PluginKind? = nil) {
        self.init(RegistryBuilder.rows(of: catalog), kind: kind)
    }

    /// Of plugins that were loaded: what only loading shows stands in their rows.
    public init(_ registry: Registry, kind: PluginKind? = nil) { self.init(registry.rows, kind: kind) }

    private init(_ found: [PluginRow], kind: PluginKind?) {
        let reserved = PluginKind.allCases.filter(\.isReserved).map {
            PluginRow(kind: $0, name: nil, id: nil, version: nil, source: nil, state: .reserved)
        }
        rows = (found + reserved).filter { kind == nil || $0.kind == kind }
    }

    /// A table.
    public var text: String {
        let cells = rows.map { row in
            var state = "\(row.state)"
            if case .error = row.state {
                state += row.id.map { " (forktail plugins info \($0))" } ?? ""
            }
            return [
                row.kind?.rawValue ?? "-", row.name ?? "-", row.id.map { "\($0)" } ?? "-",
                row.version.map { "\($0)" } ?? "-", row.source ?? "-", state,
            ]
        }
        let table = TextTable(header: ["KIND", "NAME", "ID", "VERSION", "SOURCE", "STATE"], rows: cells).text
        var reasons: [String] = []
        for row in rows {
            guard case .error(let error) = row.state, !reasons.contains("\(error)") else { continue }
            reasons.append("\(error)")
        }
        return reasons.isEmpty ? table : table + "\n\n" + reasons.joined(separator: "\n")
    }

    /// An array with one object a row; what a row does not have is null.
    public var json: String {
        let objects = rows.map { row in
            var error: PluginError?
            if case .error(let found) = row.state { error = found }
            return JSONValue.object([
                JSONValue.Member("kind", .text(row.kind?.rawValue)),
                JSONValue.Member("name", .text(row.name)),
                JSONValue.Member("id", .text(row.id?.description)),
                JSONValue.Member("version", .text(row.version?.description)),
                JSONValue.Member("source", .text(row.source)),
                JSONValue.Member("state", .string(row.state.word)),
                JSONValue.Member("replaces", .text(row.replaces?.description)),
                JSONValue.Member("error", .text(error?.description)),
            ])
        }
        return "[" + objects.map { "\n  \($0.text)" }.joined(separator: ",") + "\n]"
    }
}

extension JSONValue {
    /// A string, or null for none.
    static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}

extension PluginRow {
    /// What the row's plugin replaces.
    fileprivate var replaces: PluginID? {
        if case .active(let parent) = state { parent } else { nil }
    }
}

extension PluginRow.State {
    /// The state in one word, for scripts.
    fileprivate var word: String {
        switch self {
        case .active: "active"
        case .replaced: "replaced"
        case .available: "available"
        case .blocked: "blocked"
        case .shadowed: "shadowed"
        case .error: "error"
        case .reserved: "reserved"
        }
    }
}
