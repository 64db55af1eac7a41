import JSON
import PluginAPI

/// A recipe with every default filled in and every key checked.
struct Recipe: Sendable {
    /// A plugin by name with its resolved settings.
    struct PluginChoice: Sendable {
        let name: String
        let settings: JSONValue
    }

    /// Where data come from: paths with weights, one weight for all when not a mix.
    struct DataPart: Sendable, Hashable {
        let path: String
        let weight: Double?
    }

    let name: String
    let seed: UInt64
    let model: ModelSection
    /// Keys of config.json, or the file that holds them.
    let modelConfig: JSONValue?
    let tokenizer: String?
    let trainer: PluginChoice
    let objective: ObjectiveSection
    let optimizer: PluginChoice
    let optimizerSettings: OptimizerSettings
    let scheduler: PluginChoice
    let warmupSteps: Int
    let loader: PluginChoice
    let train: [DataPart]
    let validation: [DataPart]
    let batch: BatchSection
    let sequence: SequenceSection
    let steps: Int?
    let epochs: Double?
    let clipGradNorm: Double?
    let activations: ActivationSection
    let checkpoint: CheckpointSection
    let evaluation: EvaluationSection
    let layout: RunLayout
    let plugins: PluginsSection
    let trackers: [PluginChoice]
    /// The recipe as it was given, with the command line's settings.
    let given: JSONValue
    /// The recipe as it is written into the run directory.
    let resolved: JSONValue

    /// The keys of a recipe.
    static let keys = [
        "name", "seed", "model", "tokenizer", "trainer", "objective", "optimizer", "scheduler", "data", "batch",
        "sequence", "steps", "epochs", "clip_grad_norm", "activations", "adapter", "checkpoint", "evaluation",
        "parallel", "plugins", "trackers",
    ]

    /// What may change when a run is resumed (contract: "Resuming with a changed recipe").
    static let freeKeys: Set<String> = [
        "name", "steps", "epochs", "checkpoint", "evaluation", "trackers", "parallel", "plugins.paths",
        "plugins.workspace",
    ]

    /// Reads `plugins:` alone, which must be known before names can be resolved.
    static func plugins(in value: JSONValue) throws -> PluginsSection {
        var problems: [InputProblem] = []
        let schema = try ConfigSchema(PluginsSection.self)
        let resolved = schema.resolve(value["plugins"] ?? .object([]), at: "plugins", problems: &problems)
        if !problems.isEmpty { throw InputError(problems) }
        return try ConfigDecoder.decode(PluginsSection.self, from: resolved, at: "plugins")
    }
}
