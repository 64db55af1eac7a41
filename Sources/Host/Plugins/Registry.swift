public import JSON
public import PluginAPI

/// Every plugin of a run, resolved and registered: a frozen value.
///
/// Made once by `RegistryBuilder` before the run. A lookup takes the name that recipes use ("grpo"), or a full id
/// ("core.trainer.grpo"), which also reaches what was replaced.
public struct Registry: Sendable {
    /// One thing that can be looked up.
    struct Entry: Sendable {
        let id: PluginID
        let version: SemanticVersion
        let contribution: Contribution
    }

    /// Who fills each slot.
    let winners: [PluginSlot: PluginID]
    /// Everything that is loaded.
    let entries: [PluginID: Entry]
    /// Why a name or id that exists cannot be used.
    let failures: [PluginID: PluginError]
    /// Old names.
    let deprecated: [PluginSlot: PluginID]
    /// One line each, in the order of `forktail plugins list`.
    public let rows: [PluginRow]
    /// Sentences to log once at the start: what replaces what.
    public let notices: [String]
    /// What is loaded.
    public let resolvedSet: PluginLock
    /// The contents of plugins.lock.json.
    public var lock: JSONValue { resolvedSet.json }

    public func trainer(_ name: String) throws -> Provider<TrainerFactory> {
        try provider(.trainer, name) { if case .trainer(let maker) = $0 { maker } else { nil } }
    }

    public func optimizer(_ name: String) throws -> Provider<Factory<any Optimizer>> {
        try provider(.optimizer, name) { if case .optimizer(let maker) = $0 { maker } else { nil } }
    }

    public func scheduler(_ name: String) throws -> Provider<SchedulerFactory> {
        try provider(.scheduler, name) { if case .scheduler(let maker) = $0 { maker } else { nil } }
    }

    public func loader(_ name: String) throws -> Provider<Factory<any LoaderPlugin>> {
        try provider(.loader, name) { if case .loader(let maker) = $0 { maker } else { nil } }
    }

    public func tracker(_ name: String) throws -> Provider<TrackerFactory> {
        try provider(.tracker, name) { if case .tracker(let maker) = $0 { maker } else { nil } }
    }

    public func reward(_ name: String) throws -> Provider<Factory<any Reward>> {
        try provider(.reward, name) { if case .reward(let maker) = $0 { maker } else { nil } }
    }

    public func task(_ name: String) throws -> Provider<Factory<any GeneratedTask>> {
        try provider(.task, name) { if case .task(let maker) = $0 { maker } else { nil } }
    }

    /// Makes the reward `name` from the settings that stand at `place` of the recipe.
    /// - Throws: `PluginError` for an unknown name, `InputError` for settings that do not fit.
    public func reward(_ name: String, options: JSONValue, at place: String) throws -> any Reward {
        let provider = try reward(name)
        var problems: [InputProblem] = []
        let settings = provider.schema.resolve(options, at: place, problems: &problems)
        if !problems.isEmpty { throw InputError(problems) }
        return try provider.make(settings, place)
    }

    /// The parallelism strategy `name`.
    public func parallelism(_ name: String) throws -> Provider<StrategyFactory> {
        try provider(.parallelism, name) { if case .parallelism(let maker) = $0 { maker } else { nil } }
    }

    /// The model family that plugins call `name`; `ModelFamily.modelTypes` says what it reads.
    public func modelFamily(_ name: String) throws -> any ModelFamily.Type {
        let provider = try provider(.model, name) { if case .model(let family) = $0 { ModelMaker(family: family) } else { nil } }
        return provider.maker.family
    }

    /// The family that reads config.json files with this `model_type`.
    /// - Throws: `InputError` that lists the model types there are, or names the families that both claim this one.
    public func modelFamily(modelType: String) throws -> any ModelFamily.Type {
        let families = try names(of: .model).map { (name: $0, type: try modelFamily($0)) }
        let matching = families.filter { $0.type.modelTypes.contains(modelType) }
        if matching.count == 1 { return matching[0].type }
        if matching.isEmpty {
            let known = families.flatMap { $0.type.modelTypes }.sorted()
            let near = NearestName.of(modelType, in: known).map { "did you mean '\($0)'? " } ?? ""
            throw InputError(
                "model_type", "found '\(modelType)', which no model plugin reads; \(near)"
                    + "supported: \(known.joined(separator: ", "))", fix: "forktail plugins list --kind model")
        }
        let names = matching.map(\.name)
        throw InputError(
            "model_type", "'\(modelType)' is read by \(names.joined(separator: " and "))",
            fix: "leave one out with plugins.block")
    }

    /// Whatever `name` stands for, without regard to its kind's own form.
    public func contribution(_ kind: PluginKind, named name: String) throws -> Provider<ContributionMaker> {
        try provider(kind, name) { $0 }
    }

    /// The names that recipes can use for a kind, sorted.
    public func names(of kind: PluginKind) -> [String] {
        winners.keys.filter { $0.kind == kind }.map(\.name).sorted()
    }

    private func provider<Maker: Sendable>(
        _ kind: PluginKind, _ name: String, _ pick: (ContributionMaker) -> Maker?
    ) throws -> Provider<Maker> {
        let (entry, notice) = try entry(kind, name)
        guard let maker = pick(entry.contribution.maker) else {
            preconditionFailure("registry: \(entry.id) was registered as another kind")
        }
        return Provider(
            id: entry.id, version: entry.version, schema: entry.contribution.schema, maker: maker, notice: notice)
    }

    private func entry(_ kind: PluginKind, _ name: String) throws -> (entry: Entry, notice: String?) {
        let slot = PluginSlot(kind, name)
        let named = rows.first { $0.kind == kind && $0.id.map { "\($0)" } == name }?.id
        guard let id = winners[slot] ?? deprecated[slot] ?? named else {
            throw failure(where: { $0.kind == kind && $0.name == name }) ?? PluginError.notFound(kind, name, known: names(of: kind))
        }
        guard let entry = entries[id] else {
            throw failures[id] ?? failure(where: { $0.id == id }) ?? PluginError.notInUse(id)
        }
        guard winners[slot] == nil, deprecated[slot] == id else { return (entry, nil) }
        return (entry, "\(kind.rawValue) '\(name)' is now called '\(id.name)': write \(kind.rawValue): {name: \(id.name)}")
    }

    /// Why the plugins of these rows cannot be used.
    private func failure(where isMeant: (PluginRow) -> Bool) -> PluginError? {
        rows.filter(isMeant).compactMap { row in
            switch row.state {
            case .error(let error): error
            case .blocked: row.id.map(PluginError.blocked)
            case .available: row.id.map(PluginError.notInUse)
            default: nil
            }
        }.first
    }
}

/// A metatype cannot be the parameter of a generic type by itself.
private struct ModelMaker: Sendable {
    let family: any ModelFamily.Type
}
