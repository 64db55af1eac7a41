import Core
import JSON
import PluginAPI

/// A recipe's estimate against the memory that there is, and what would change it.
struct MemoryPlan {
    /// A change of the recipe with the estimate that it leads to.
    struct Alternative {
        /// Settings as they are written on the command line.
        let settings: String
        let estimate: MemoryEstimate
    }

    let estimate: MemoryEstimate
    /// Bytes; nil where the system does not tell.
    let available: Int?
    /// Looked for only when the estimate does not fit.
    let alternatives: [Alternative]

    var fits: Bool { available.map { estimate.total <= $0 } ?? true }

    /// - Throws: `InputError` when the recipe's data or trainer cannot be used.
    init(_ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs) throws {
        let resident = MachineMemory.residentByteCount
        estimate = try MemoryPlan.estimate(recipe, registry, inputs, resident)
        available = try MachineMemory.available()
        guard let available, estimate.total > available else {
            alternatives = []
            return
        }
        let total = estimate.total
        alternatives = try MemoryPlan.alternatives(recipe, registry, inputs, resident)
            .filter { $0.estimate.total < total }
    }

    /// For environment.json.
    /// - Parameter peak: what was really used, bytes; nil = not known yet.
    func json(peak: Int?) -> JSONValue {
        .object([
            .init("estimated_bytes", estimate.json),
            .init("available_bytes", available.map { .integer($0) } ?? .null),
            .init("peak_bytes", peak.map { .integer($0) } ?? .null),
        ])
    }

    /// - Throws: `InputError` that names the largest parts and what to change when the run does not fit.
    func check() throws {
        guard let available, !fits else { return }
        let parts = estimate.largest.prefix(4).map { "\($0.name) \(ByteText.text($0.byteCount))" }
        let changes = alternatives.map { "\($0.settings) (\(ByteText.text($0.estimate.total)))" }
        throw InputError(
            "memory",
            "training needs about \(ByteText.text(estimate.total)) on each rank, \(ByteText.text(available)) are "
                + "available; the largest parts are \(parts.joined(separator: ", "))",
            fix: changes.isEmpty
                ? "a machine with more memory, or a smaller model" : changes.joined(separator: "\n         "))
    }

    private static func estimate(
        _ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs, _ resident: Int
    ) throws -> MemoryEstimate {
        try MemoryRehearsal(recipe: recipe, registry: registry, inputs: inputs, settings: recipe.trainingSettings)
            .estimate(resident: resident)
    }

    /// Each change alone, then all of them.
    private static func alternatives(
        _ recipe: Recipe, _ registry: Registry, _ inputs: TrainingInputs, _ resident: Int
    ) throws -> [Alternative] {
        var single: [String] = []
        let micro = recipe.batch.micro ?? recipe.batch.size
        if micro > 1 { single += Set([micro / 2, 1]).sorted(by: >).map { "batch.micro=\($0)" } }
        let checkpointings: [DecoderModel.Checkpointing] = switch recipe.checkpointing {
        case .none: [.selective, .block]
        case .selective: [.block]
        case .block: []
        }
        single += checkpointings.map { "activations.checkpoint=\($0.rawValue)" }
        let precisions: [Precision] = switch try Precision(recipe: recipe.model.precision) {
        case .float64: [.float32, .bfloat16, .bfloat16Pure]
        case .float32: [.bfloat16, .bfloat16Pure]
        case .bfloat16: [.bfloat16Pure]
        case .bfloat16Pure: []
        }
        single += precisions.map { "model.precision=\($0.rawValue)" }
        if recipe.optimizerSettings.states != .eightBit {
            single.append("optimizer.states=\(StateStorage.eightBit.rawValue)")
        }
        // The last value of each key is the one that saves most.
        var all: [String] = []
        for (index, setting) in single.enumerated() {
            let key = setting.prefix { $0 != "=" }
            if !single[(index + 1)...].contains(where: { $0.hasPrefix(key + "=") }) { all.append(setting) }
        }
        let changes = single.map { [$0] } + (all.count > 1 ? [all] : [])
        return try changes.map { settings in
            let value = try RecipeFile.apply(settings, to: recipe.given)
            let changed = try RecipeReader.read(value, registry: registry)
            return Alternative(
                settings: settings.joined(separator: " "), estimate: try estimate(changed, registry, inputs, resident))
        }
    }
}
