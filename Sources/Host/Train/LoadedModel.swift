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

    private static func configuration(of config: ModelConfig, _ registry: Registry) throws -> DecoderConfiguration {
        guard let type = config.modelType else {
            throw InputError("model", "config.json has no model_type", fix: "forktail plugins list --kind model")
        }
        return try registry.modelFamily(modelType: type).decoder(from: config)
    }

    /// Allocates the model and fills its weights.
    /// - Parameters:
    ///   - group: the optimizer group of a parameter; nil = frozen.
    ///   - loads: false leaves the weights empty, for a checkpoint that is read next.
    func build(
        _ runtime: Runtime, precision: Precision, seed: UInt64, checkpointing: DecoderModel.Checkpointing = .none,
        loads: Bool = true, group: (String) -> Int?
    ) throws -> PolicyModel {
        let specs = DecoderModel.specs(configuration)
        try directory?.check(specs.map { ($0.name, $0.shape) })
        let store = ParameterStore(
            specs, runtime, precision: precision, seed: directory == nil && loads ? seed : nil, group: group)
        if loads, let directory {
            for parameter in store.parameters { try directory.read(parameter.name, into: parameter.value) }
            store.refreshCompute()
        }
        let decoder = DecoderModel(configuration, store, runtime, checkpointing: checkpointing)
        return PolicyModel(decoder: decoder, store: store, runtime: runtime)
    }

    /// A model that only computes.
    func frozen(_ runtime: Runtime, precision: Precision, seed: UInt64) throws -> PolicyModel {
        try build(runtime, precision: precision, seed: seed, group: { _ in nil })
    }
}

extension Runtime {
    /// The runtime that a precision asks for: float64 is the reference backend's.
    static func make(
        _ precision: Precision, threads: Int = Machine.threadCount, recorder: OperationRecorder? = nil
    ) -> Runtime {
        let notice: (String) -> Void = { StandardError.write("note: \($0)") }
        switch precision {
        case .float64: return Runtime(ReferenceBackend(), recorder: recorder, notice: notice)
        default: return Runtime(CPUBackend(threads: threads, notice: notice), recorder: recorder, notice: notice)
        }
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
