import PluginAPI

/// What can be wrong with a set of plugins.
extension PluginError {
    static func notFound(_ kind: PluginKind, _ name: String, known: [String]) -> PluginError {
        let near = NearestName.of(name, in: known).map { "did you mean '\($0)'? " } ?? ""
        let plural = known.count == 1 ? kind.rawValue : kind.plural
        return PluginError(
            .notFound, "no \(kind.rawValue) named '\(name)'",
            hint: "\(near)(\(known.count) \(plural): forktail plugins list --kind \(kind.rawValue))")
    }

    static func notInUse(_ id: PluginID) -> PluginError {
        PluginError(
            .notFound, "\(id) is available but not in use", hint: "opt in: plugins.use = [\"\(id)\"]")
    }

    static func blocked(_ id: PluginID) -> PluginError {
        PluginError(.notFound, "\(id) is blocked", hint: "take it out of plugins.block")
    }

    static func unknownID(_ text: String, setting: String, known: [String]) -> PluginError {
        let near = NearestName.of(text, in: known).map { "did you mean '\($0)'? " } ?? ""
        return PluginError(
            .notFound, "\(setting) names '\(text)', but there is no such plugin",
            hint: "\(near)(\(known.count) plugins: forktail plugins list)")
    }

    static func conflict(_ slot: PluginSlot, _ rivals: [PluginProvision]) -> PluginError {
        let names = rivals.map { "\($0.id) \($0.version) (\($0.source))" }
        let choice = rivals.last { !$0.isCompiled } ?? rivals.last
        return PluginError(
            .conflict,
            "\(names.count == 2 ? "two" : "\(names.count)") plugins provide \(slot): \(names.joined(separator: " and "))",
            hint: choice.map { "choose one: plugins.use = [\"\($0.id)\"]" })
    }

    static func sameID(_ id: PluginID, _ sources: [String]) -> PluginError {
        PluginError(
            .conflict, "two plugins have the id \(id): \(sources.joined(separator: " and "))",
            hint: "remove one of them")
    }

    static func replacesUnknown(_ id: PluginID, _ replaced: PluginID, known: [String]) -> PluginError {
        let near = NearestName.of("\(replaced)", in: known)
        return PluginError(
            .replacesUnknown, "\(id) replaces '\(replaced)', which does not exist",
            hint: near.map { "did you mean '\($0)'?" })
    }

    static func replacesCycle(_ cycle: [PluginID]) -> PluginError {
        PluginError(
            .replacesCycle,
            "plugins replace each other in a circle: " + cycle.map(\.description).joined(separator: " -> "),
            hint: "block one of them: plugins.block = [\"\(cycle[0])\"]")
    }

    static func blockedButRequired(_ id: PluginID, by dependent: PluginID) -> PluginError {
        PluginError(
            .blockedButRequired, "\(id) is blocked, but \(dependent) requires it",
            hint: "take it out of plugins.block, or block \(dependent) too")
    }

    static func requirementMissing(_ slot: PluginSlot, of dependent: PluginID, known: [String]) -> PluginError {
        PluginError(
            .requirementMissing, "\(dependent) requires \(slot), which no plugin provides",
            hint: NearestName.of(slot.name, in: known).map { "did you mean '\($0)'?" })
    }

    static func rankDisagreement(_ ranks: [Int], of count: Int) -> PluginError {
        let names = ranks.map(String.init).joined(separator: ", ")
        return PluginError(
            .rankDisagreement,
            "\(ranks.count == 1 ? "rank \(names) has" : "ranks \(names) have") other plugins than rank 0 (\(count) ranks)",
            hint: "compare `forktail plugins list` on their machines")
    }

    static func drift(_ differences: [String]) -> PluginError {
        PluginError(
            .drift, "the checkpoint was made with other plugins: " + differences.joined(separator: "; "),
            hint: "go on with them: --accept-plugin-drift")
    }
}

extension PluginKind {
    /// More than one of them.
    var plural: String {
        switch self {
        case .loader, .trainer, .optimizer, .scheduler, .communicator, .backend, .model, .adapter, .reward, .task,
            .template, .tracker, .shuffle:
            rawValue + "s"
        case .storage, .parallelism: rawValue
        }
    }
}
