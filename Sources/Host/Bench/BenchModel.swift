import Core
import Foundation
import PluginAPI

/// The model that a benchmark runs, on a runtime that can record one more run operation by operation.
struct BenchModel {
    let registry: Registry
    let source: ModelSource
    let precision: Precision
    let runtime: Runtime
    private let recorder: OperationRecorder?
    private let profile: String?

    /// - Parameters:
    ///   - config: a config.json or the name of a shape.
    ///   - precision: as a recipe says it.
    ///   - profile: the file that `record` writes; nil = it does nothing.
    /// - Throws: `InputError` for a model or a precision that there is not.
    init(config: String, precision: String, profile: String?) throws {
        registry = try Registry.forCommand(plugins: [])
        source = try ModelSource(config: NamedModel.config(config), registry: registry)
        self.precision = try Precision(recipe: precision)
        recorder = profile.map { _ in OperationRecorder() }
        self.profile = profile
        runtime = try Runtime.make(self.precision, recorder: recorder)
    }

    /// Runs `body` once, writes its trace and prints its table, when a profile is wanted.
    /// - Parameter name: what one run is, for the heading.
    func record(_ name: String, _ body: () throws -> Void) throws {
        guard let recorder, let profile else { return }
        recorder.start()
        try body()
        guard let recorded = recorder.stop() else { return }
        try AtomicFile.write(Data(recorded.chromeTrace.utf8), to: profile)
        StandardError.write("profile of one \(name)\n\(recorded.table)\ntrace: \(profile) (opens in ui.perfetto.dev)")
    }
}
