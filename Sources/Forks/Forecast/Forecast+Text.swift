package import JSON

extension Forecast {
    /// The forecast as a table.
    package var text: String {
        let shown = rows.filter(\.isChange)
        let changes = Set(shown.compactMap(\.slug)).count
        let subjects = shown.map(\.subject.count).max() ?? 0
        let slugs = shown.map { $0.slug?.count ?? 1 }.max() ?? 0
        let series = "\(Forecast.count(shown.count, "commit")), \(Forecast.count(changes, "change"))"
        var lines = ["plan: \(base) -> \(target)   series \(series)"]
        for row in shown {
            let head = " " + Forecast.pad(row.fate.label, 9) + " " + Forecast.pad(row.subject, subjects) + "  "
                + Forecast.pad(row.slug ?? "-", slugs)
            lines.append(Forecast.trimmed(head + "  " + note(row)))
            guard row.fate == .conflict else { continue }
            if let entry = row.slug.flatMap({ notes[$0] }) { lines.append("           ours: \(entry.summary)") }
            for file in row.files {
                let theirs = file.upstream.map { "upstream \($0)" } ?? "builds on a commit that is left out"
                lines.append("           \(file.path) (\(theirs))")
            }
        }
        lines += plugins.map(\.text)
        if let interface { lines.append(interface.text) }
        lines += lostKeys.map(\.text)
        if leftBehind > 0 {
            let commits = Forecast.count(leftBehind, "commit")
            lines.append(" note      \(target.short) has not \(commits) of upstream that the base has")
        }
        return lines.joined(separator: "\n")
    }

    private func note(_ row: ReplayedCommit) -> String {
        switch row.fate {
        case .upstream: "upstream has the same patch: sync leaves it out"
        case .reworked: "nothing is left of it, upstream reworked it: sync leaves it out"
        case .returned: "upstream took it and took it back: sync keeps it"
        default: ""
        }
    }

    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func trimmed(_ text: String) -> String { String(text.reversed().drop { $0 == " " }.reversed()) }

    /// The forecast for programs.
    package var json: JSONValue {
        .object([
            .init("base", base.json), .init("target", target.json), .init("conflicts", .bool(hasConflicts)),
            .init("rows", .array(rows.filter(\.isChange).map { $0.json(notes) })),
            .init("plugins", .array(plugins.map(\.json))),
            .init("interface", interface?.json ?? .null),
            .init("lost_keys", .array(lostKeys.map(\.json))),
            .init("left_behind", .integer(leftBehind)),
        ])
    }
}

extension ReplayedCommit.Fate {
    /// The word of the table.
    package var label: String {
        switch self {
        case .conflict: "CONFLICT"
        case .returned: "clean"
        default: rawValue
        }
    }
}

extension PluginDrift {
    /// A line of the table.
    var text: String {
        let list = "\(Forecast.count(files.count, "file")): \(files.joined(separator: ", "))"
        let what = switch state {
        case .changed: "changed since lineage \(version) (\(list))"
        case .gone: "is gone upstream"
        case .unknown: "has a lineage whose tree is not in this repository: git fetch upstream"
        }
        return " plugin    \(parent) \(what): forktail plugins diff \(id)"
    }

    var json: JSONValue {
        .object([
            .init("id", .string(id)), .init("parent", .string(parent)), .init("version", .string(version)),
            .init("state", .string(state.rawValue)), .init("files", .array(files.map(JSONValue.string))),
        ])
    }
}

extension InterfaceDrift {
    /// A line of the table.
    var text: String {
        let outside = "plugins that are built outside"
        let own = plugins.isEmpty ? outside : "\(plugins.joined(separator: ", ")) and \(outside)"
        return " interface \(modules.joined(separator: ", ")) changed (\(Forecast.count(files.count, "file"))): rebuild \(own)"
    }

    var json: JSONValue {
        .object([
            .init("modules", .array(modules.map(JSONValue.string))), .init("files", .array(files.map(JSONValue.string))),
            .init("rebuild", .array(plugins.map(JSONValue.string))),
        ])
    }
}

extension LostKeys {
    /// A line of the table.
    var text: String {
        keys.isEmpty ? " recipes   \(place) is gone" : " recipes   \(place) no longer has \(keys.joined(separator: ", "))"
    }

    var json: JSONValue {
        .object([.init("place", .string(place)), .init("keys", .array(keys.map(JSONValue.string)))])
    }
}

extension NamedCommit {
    var json: JSONValue {
        .object([.init("name", name.map(JSONValue.string) ?? .null), .init("commit", .string(commit))])
    }
}

extension ReplayedCommit {
    func json(_ notes: UpstreamFile) -> JSONValue {
        .object([
            .init("commit", .string(commit)), .init("subject", .string(subject)),
            .init("slug", slug.map(JSONValue.string) ?? .null), .init("fate", .string(fate.rawValue)),
            .init("summary", slug.flatMap { notes[$0] }.map { .string($0.summary) } ?? .null),
            .init(
                "files",
                .array(
                    files.map { file in
                        .object([
                            .init("path", .string(file.path)),
                            .init("upstream_commit", file.upstream.map { .string($0.commit) } ?? .null),
                            .init("upstream_subject", file.upstream.map { .string($0.subject) } ?? .null),
                        ])
                    })),
        ])
    }
}
