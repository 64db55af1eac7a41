import Core
import JSON
import PluginAPI

/// Turns a recipe's value into a `Recipe`, collecting every problem before it gives up.
struct RecipeReader {
    private let value: JSONValue
    private let registry: Registry
    private var problems: [InputProblem] = []
    private var resolved: [JSONValue.Member] = []

    private init(_ value: JSONValue, _ registry: Registry) {
        self.value = value
        self.registry = registry
    }

    /// - Throws: `InputError` with all problems.
    static func read(_ value: JSONValue, registry: Registry) throws -> Recipe {
        var reader = RecipeReader(value, registry)
        return try reader.recipe()
    }

    private mutating func recipe() throws -> Recipe {
        for member in value.members where !Recipe.keys.contains(member.key) {
            problems.append(ConfigSchema.unknownKey(member.key, at: "", known: Recipe.keys))
        }
        let name = text("name") ?? "run"
        let seed = integer("seed") ?? 42
        resolved.append(.init("name", .string(name)))
        resolved.append(.init("seed", .integer(seed)))
        let (model, modelConfig) = modelSection()
        let tokenizer = text("tokenizer")
        if let tokenizer { resolved.append(.init("tokenizer", .string(tokenizer))) }
        let trainer = plugin(.trainer, at: "trainer", value["trainer"], default: nil)
        let objective = section(ObjectiveSection.self, "objective")
        let optimizer = plugin(
            .optimizer, at: "optimizer", withStates(value["optimizer"], model), default: "adamw",
            shared: OptimizerSection.self)
        let scheduler = plugin(
            .scheduler, at: "scheduler", value["scheduler"], default: "constant", shared: SchedulerSection.self)
        let (loader, train, validation) = dataSection()
        let batch = section(BatchSection.self, "batch")
        let sequence = section(SequenceSection.self, "sequence")
        let (steps, epochs, clip) = lengths()
        let activations = section(ActivationSection.self, "activations")
        let checkpoint = section(CheckpointSection.self, "checkpoint")
        let evaluation = section(EvaluationSection.self, "evaluation")
        refuseAdapter()
        let layout = runLayout()
        resolved.append(.init("parallel", layout.resolved))
        let plugins = section(PluginsSection.self, "plugins")
        let trackers = trackerList()
        checkChoices(model: model, activations: activations, optimizer: optimizer?.shared)
        atLeast("optimizer.lr", optimizer?.shared?.lr, 0.0)
        atLeast("optimizer.weight_decay", optimizer?.shared?.weightDecay, 0.0)
        atLeast("scheduler.warmup_steps", scheduler?.shared?.warmupSteps, 0)
        atLeast("batch.size", batch?.size, 1)
        atLeast("batch.micro", batch?.micro, 1)
        atLeast("batch.passes", batch?.passes, 1)
        atLeast("sequence.length", sequence?.length, 2)
        atLeast("checkpoint.every", checkpoint?.every, 0)
        atLeast("checkpoint.keep", checkpoint?.keep, 1)
        atLeast("evaluation.every", evaluation?.every, 0)

        guard problems.isEmpty, let model, let trainer, let objective, let optimizer, let scheduler, let loader,
            let batch, let sequence, let activations, let checkpoint, let evaluation, let plugins,
            let settings = optimizer.shared
        else { throw InputError(problems) }
        return Recipe(
            name: name, seed: UInt64(bitPattern: Int64(seed)), model: model, modelConfig: modelConfig,
            tokenizer: tokenizer, trainer: trainer.choice, objective: objective, optimizer: optimizer.choice,
            optimizerSettings: OptimizerSettings(
                lr: settings.lr, weightDecay: settings.weightDecay,
                decay: OptimizerSettings.Decay(rawValue: settings.decay) ?? .matrices,
                states: StateStorage(rawValue: settings.states) ?? .float32,
                groups: settings.groups.map {
                    .init(match: NamePattern($0.match), lr: $0.lr, weightDecay: $0.weightDecay)
                }),
            scheduler: scheduler.choice, warmupSteps: scheduler.shared?.warmupSteps ?? 0, loader: loader.choice,
            train: train, validation: validation, batch: batch, sequence: sequence, steps: steps, epochs: epochs,
            clipGradNorm: clip, activations: activations, checkpoint: checkpoint, evaluation: evaluation,
            layout: layout, plugins: plugins, trackers: trackers, given: value, resolved: .object(resolved))
    }

    // MARK: sections

    /// The optimizer's section with `states` filled in where the default depends on the weights' precision.
    private func withStates(_ given: JSONValue?, _ model: ModelSection?) -> JSONValue? {
        guard let precision = model.flatMap({ Precision(rawValue: $0.precision) }) else { return given }
        let section: JSONValue = given?.string.map { .object([.init("name", .string($0))]) } ?? given ?? .object([])
        guard case .object(let members) = section, section["states"] == nil else { return given }
        return .object(members + [.init("states", .string(StateStorage.standard(for: precision).rawValue))])
    }

    private mutating func section<Section: PluginConfig>(_ type: Section.Type, _ key: String) -> Section? {
        decode(type, value[key] ?? .object([]), at: key, alsoKnown: []).map { section, members in
            resolved.append(.init(key, members))
            return section
        }
    }

    private mutating func decode<Section: PluginConfig>(
        _ type: Section.Type, _ given: JSONValue, at place: String, alsoKnown: [String]
    ) -> (Section, JSONValue)? {
        do {
            if given != .null, given.members.isEmpty, given != .object([]) {
                throw InputError(place, "found \(given.text), expected keys")
            }
            let schema = try ConfigSchema(type)
            var found: [InputProblem] = []
            let members = schema.resolve(given, at: place, alsoKnown: alsoKnown, problems: &found)
            let mistyped = schema.typeProblems(in: members, at: place)
            problems += found + mistyped
            return mistyped.isEmpty ? (try ConfigDecoder.decode(type, from: members, at: place), members) : nil
        } catch let error as InputError {
            problems += error.problems
        } catch {
            problems.append(InputProblem(place, "\(error)"))
        }
        return nil
    }

    private mutating func modelSection() -> (ModelSection?, JSONValue?) {
        let given = value["model"] ?? .object([])
        let config = given["config"]
        guard let (section, members) = decode(ModelSection.self, given, at: "model", alsoKnown: ["config"]) else {
            return (nil, nil)
        }
        resolved.append(.init("model", config.map { members.setting("config", to: $0) } ?? members))
        if (section.path == nil) == (config == nil) {
            problems.append(
                InputProblem(
                    "model", section.path == nil ? "has neither path nor config" : "has both path and config",
                    fix: "model.path=DIR to continue a model, or model.config=FILE to start from scratch"))
        }
        return (section, config)
    }

    private struct Chosen<Shared> {
        let choice: Recipe.PluginChoice
        let shared: Shared?
    }

    private mutating func plugin(
        _ kind: PluginKind, at place: String, _ given: JSONValue?, default name: String?
    ) -> Chosen<NoConfig>? {
        plugin(kind, at: place, given, default: name, shared: NoConfig.self)
    }

    /// A section `{name: ..., settings of the plugin, settings shared by all of its kind}`, or just the name.
    private mutating func plugin<Shared: PluginConfig>(
        _ kind: PluginKind, at place: String, _ given: JSONValue?, default name: String?, shared: Shared.Type,
        record: Bool = true
    ) -> Chosen<Shared>? {
        var given = given ?? .object([])
        if case .string(let only) = given { given = .object([.init("name", .string(only))]) }
        guard let name = given["name"]?.string ?? name else {
            let names = registry.names(of: kind).joined(separator: ", ")
            problems.append(InputProblem("\(place).name", "is missing; there are \(names)"))
            return nil
        }
        do {
            let schema = try registry.contribution(kind, named: name).schema
            let sharedSchema = try ConfigSchema(shared)
            let ownKeys = schema.keys
            // Keys that neither side knows are reported once, by the plugin's own schema.
            let sharedPart = JSONValue.object(given.members.filter { sharedSchema.keys.contains($0.key) })
            let (sharedValue, sharedMembers) = decode(shared, sharedPart, at: place, alsoKnown: []) ?? (nil, .object([]))
            let members = schema.resolve(
                given, at: place, alsoKnown: ["name"] + sharedSchema.keys.filter { !ownKeys.contains($0) },
                problems: &problems)
            problems += schema.typeProblems(in: members, at: place)
            if record {
                let all = [JSONValue.Member("name", .string(name))] + sharedMembers.members + members.members
                resolved.append(.init(place, .object(all)))
            }
            return Chosen(choice: Recipe.PluginChoice(name: name, settings: members), shared: sharedValue)
        } catch let error as InputError {
            problems += error.problems
        } catch {
            problems.append(InputProblem("\(place).name", "\(error)"))
        }
        return nil
    }

    private mutating func dataSection() -> (Chosen<NoConfig>?, [Recipe.DataPart], [Recipe.DataPart]) {
        let given = value["data"] ?? .object([])
        let known = ["loader", "train", "validation"]
        for member in given.members where !known.contains(member.key) {
            problems.append(ConfigSchema.unknownKey(member.key, at: "data", known: known))
        }
        let before = resolved
        let loader = plugin(.loader, at: "data.loader", given["loader"], default: "jsonl")
        let loaderMembers = resolved.last { $0.key == "data.loader" }?.value ?? .null
        resolved = before
        let train = parts(given["train"], at: "data.train")
        let validation = parts(given["validation"], at: "data.validation")
        if train.isEmpty { problems.append(InputProblem("data.train", "is missing: files or shard directories")) }
        resolved.append(
            .init(
                "data",
                .object([
                    .init("loader", loaderMembers), .init("train", given["train"] ?? .array([])),
                    .init("validation", given["validation"] ?? .array([])),
                ])))
        return (loader, train, validation)
    }

    private mutating func parts(_ given: JSONValue?, at place: String) -> [Recipe.DataPart] {
        guard let given, given != .null else { return [] }
        let items = given.array ?? [given]
        let parts = items.compactMap { item -> Recipe.DataPart? in
            if let path = item.string { return Recipe.DataPart(path: path, weight: nil) }
            guard let path = item["path"]?.string, let weight = item["weight"]?.double, weight > 0 else { return nil }
            return Recipe.DataPart(path: path, weight: weight)
        }
        if parts.count != items.count || (Set(parts.map { $0.weight == nil }).count > 1) {
            problems.append(
                InputProblem(
                    place, "found \(given.text), expected a list of paths or of {path:, weight:} with weights above 0"))
        }
        return parts
    }

    private mutating func lengths() -> (steps: Int?, epochs: Double?, clip: Double?) {
        let (steps, epochs) = (integer("steps"), number("epochs"))
        if (steps == nil) == (epochs == nil) {
            problems.append(InputProblem("steps", "give either steps or epochs", fix: "steps=1000"))
        }
        if let steps {
            atLeast("steps", steps, 0)
            resolved.append(.init("steps", .integer(steps)))
        }
        if let epochs {
            atLeast("epochs", epochs, 0)
            resolved.append(.init("epochs", .double(epochs)))
        }
        // PyTorch's habit of 1.0 is not assumed: no clipping unless asked for.
        let clip = number("clip_grad_norm")
        if let clip, !(clip > 0) { problems.append(InputProblem("clip_grad_norm", "found \(clip), expected above 0, or null")) }
        resolved.append(.init("clip_grad_norm", clip.map(JSONValue.double) ?? .null))
        return (steps, epochs, clip)
    }

    private mutating func trackerList() -> [Recipe.PluginChoice] {
        var items = value["trackers"]?.array ?? []
        let names = items.map { $0.string ?? $0["name"]?.string }
        // The run directory's metrics.jsonl is always written.
        if !names.contains("jsonl") { items.insert(.string("jsonl"), at: 0) }
        resolved.append(.init("trackers", .array(items)))
        return items.enumerated().compactMap { index, item in
            plugin(
                .tracker, at: "trackers[\(index)]", item, default: nil, shared: NoConfig.self, record: false)?.choice
        }
    }

    // MARK: checks

    private mutating func checkChoices(
        model: ModelSection?, activations: ActivationSection?, optimizer: OptimizerSection?
    ) {
        func oneOf(_ place: String, _ found: String?, _ known: [String]) {
            guard let found, !known.contains(found) else { return }
            problems.append(InputProblem(place, "found '\(found)', expected \(known.joined(separator: " | "))"))
        }
        oneOf("model.precision", model?.precision, ["float32", "bfloat16", "bfloat16-pure", "float64"])
        oneOf(
            "activations.checkpoint", activations?.checkpoint, DecoderModel.Checkpointing.allCases.map(\.rawValue))
        oneOf("optimizer.decay", optimizer?.decay, ["matrices", "all"])
        oneOf("optimizer.states", optimizer?.states, StateStorage.allCases.map(\.rawValue))
    }

    private mutating func atLeast<Number: Comparable>(_ place: String, _ found: Number?, _ least: Number) {
        // Written so that nan is refused too.
        guard let found, !(found >= least) else { return }
        problems.append(InputProblem(place, "found \(found), expected \(least) or more"))
    }

    private mutating func runLayout() -> RunLayout {
        do { return try RunLayout(value["parallel"] ?? .null, registry) } catch {
            problems += (error as? InputError)?.problems ?? [InputProblem("parallel", "\(error)")]
            return .alone
        }
    }

    /// A section that this release cannot honour is refused, not ignored.
    private mutating func refuseAdapter() {
        if let adapter = value["adapter"], adapter != .null {
            problems.append(InputProblem("adapter", "no adapter plugin exists in this release", fix: "remove adapter"))
        }
    }

    // MARK: scalars

    private mutating func text(_ key: String) -> String? {
        guard let given = value[key], given != .null else { return nil }
        if let string = given.string ?? given.number { return string }
        problems.append(InputProblem(key, "found \(given.text), expected text"))
        return nil
    }

    private mutating func integer(_ key: String) -> Int? {
        guard let given = value[key], given != .null else { return nil }
        if let integer = given.integer { return integer }
        problems.append(InputProblem(key, "found \(given.text), expected a whole number"))
        return nil
    }

    private mutating func number(_ key: String) -> Double? {
        guard let given = value[key], given != .null else { return nil }
        if let number = given.double { return number }
        problems.append(InputProblem(key, "found \(given.text), expected a number"))
        return nil
    }
}
