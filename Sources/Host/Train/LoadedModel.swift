import Core
import Foundation
import JSON
import PluginAPI

/// A model's configuration and where its weights come from.
struct ModelSource {
    let config: ModelConfig
    let configuration: DecoderConfiguration
    /// nil = weights from the seed.
    let directory: ModelDirectory?

    /// - Throws: an error that lists everything wrong with the directory or config.
    init(path: String, registry: Registry) throws {
        let directory = try ModelDirectory(path)
        config = try ModelConfig(directory.config)
        configuration = try ModelSource.configuration(of: config, registry)
        self.directory = directory
    }

    /// A new model.
    /// - Parameter value: config.json's keys, or the path of a file that holds them.
    init(config value: JSONValue, registry: Registry) throws {
        let data = Data(try value.string.map { try WholeFile.read($0) }?.utf8 ?? value.text.utf8)
        config = try ModelConfig(data)
        configuration = try ModelSource.configuration(of: config, registry)
        directory = nil
    }

    private init(_ config: ModelConfig, _ configuration: DecoderConfiguration) {
        (self.config, self.configuration, directory) = (config, configuration, nil)
    }

    /// A new model of another shape, for counting.
    func shape(_ configuration: DecoderConfiguration) -> ModelSource { ModelSource(config, configuration) }

    private static func configuration(of config: ModelConfig, _ registry: Registry) throws -> DecoderConfiguration {
        guard let type = config.modelType else {
            throw InputError("model", "config.json has no model_type", fix: "forktail plugins list --kind model")
        }
        return try registry.modelFamily(modelType: type).decoder(from: config)
    }

    /// Allocates what a rank holds of the model and fills its weights.
    /// - Parameters:
    ///   - loads: false leaves the weights empty, for a checkpoint that is read next.
    ///   - plan: how the rank takes part in the run; nil = it is alone.
    ///   - isWhole: whether an optimizer group's updates need whole arenas.
    ///   - group: the optimizer group of a parameter; nil = frozen.
    func build(
        _ runtime: Runtime, precision: Precision, seed: UInt64, checkpointing: DecoderModel.Checkpointing = .none,
        loads: Bool = true, plan: RankPlan? = nil, isWhole: (Int) -> Bool = { _ in false }, group: (String) -> Int?
    ) throws -> PolicyModel {
        let plan = plan ?? RankPlan(.alone(runtime), configuration)
        let specs = DecoderModel.specs(configuration)
        try directory?.check(specs.map { ($0.name, $0.shape) })
        // Frozen weights that lie in the file as layers read them are used where they lie.
        var mapped: [String: Tensor] = [:]
        for spec in specs where loads && group(spec.name) == nil && plan.holding(spec)?.part.shape == spec.shape {
            mapped[spec.name] = try directory?.mapped(spec.name, runtime, dtype: precision.compute)
        }
        let store = ParameterStore(
            specs, runtime, precision: precision, seed: directory == nil && loads ? seed : nil, group: group,
            place: plan.holding, sharding: { key in plan.sharding(key, isWhole: key.group.map(isWhole) ?? false) },
            lent: mapped)
        if loads, let directory {
            try store.setMasters { name, part, tensor in
                for (box, range) in part.pieces {
                    let piece = part.boxes.count == 1 ? tensor.view : tensor.view.sliced(dim: part.dim, range)
                    try directory.read(name, into: Tensor(piece, runtime), offset: box.offset)
                }
            }
        }
        let stages = plan.stages.map {
            DecoderModel(
                configuration, store, runtime, checkpointing: checkpointing, stage: $0, exchange: plan.exchange,
                attention: plan.attention, experts: plan.experts)
        }
        let policy = PolicyModel(stages: stages, store: store, runtime: runtime, plan: plan)
        if loads { try policy.gatherWeights() }
        return policy
    }

    /// A model that only computes. Every rank has all of its experts: ranks may ask it different numbers of times, and so
    /// cannot meet inside of it where they read different samples.
    func frozen(
        _ runtime: Runtime, precision: Precision, seed: UInt64, plan: RankPlan? = nil
    ) throws -> PolicyModel {
        var plan = plan
        plan?.experts = WholeExperts()
        return try build(runtime, precision: precision, seed: seed, plan: plan, group: { _ in nil })
    }
}

extension Runtime {
    /// The runtime that a precision asks for: float64 is the reference backend's.
    /// - Throws: `InputError` when the user's product table cannot be used.
    static func make(
        _ precision: Precision, threads: Int = Machine.threadCount, recorder: OperationRecorder? = nil
    ) throws -> Runtime {
        // The reference backend composes everything from primitives by design, which is not worth a word.
        if precision == .float64 { return Runtime(ReferenceBackend(), recorder: recorder) }
        let notice: (String) -> Void = { StandardError.write("note: \($0)") }
        let backend = CPUBackend(threads: threads, products: try ProductTableFile.table()) {
            StandardError.write("warning: \($0)")
        }
        if !backend.capabilities.fastTypes.contains(precision.compute) {
            notice(
                "bfloat16 products are widened to float32 first, by this CPU and its product table: they save memory, "
                    + "and take as long as float32 products, or a little longer")
        }
        return Runtime(backend, recorder: recorder, notice: notice)
    }
}

extension DecoderModel.Checkpointing {
    /// What a user calls it.
    init(name: String, at place: String) throws {
        guard let checkpointing = Self(rawValue: name) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: " | ")
            throw InputError(place, "found '\(name)', expected \(known)")
        }
        self = checkpointing
    }
}

extension Precision {
    /// The precision that a recipe names.
    init(recipe name: String) throws {
        guard let precision = Precision(rawValue: name) else {
            let known = Precision.allCases.map(\.rawValue).joined(separator: " | ")
            throw InputError("model.precision", "found '\(name)', expected \(known)")
        }
        self = precision
    }
}
