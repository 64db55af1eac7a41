import Core
import DataLoader
import Foundation
import JSON
import ModelLlama
import PluginAPI

/// The models that the dpo and grpo goldens were made with.
enum AlignmentModels {
    /// A model of Tests/Reference/goldens.
    static func load(_ name: String, _ runtime: Runtime, _ precision: Precision, isTrained: Bool) throws -> PolicyModel
    {
        let directory = try ModelDirectory(Golden.path(name))
        let configuration = try LlamaFamily.decoder(from: ModelConfig(directory.config))
        let store = ParameterStore(
            DecoderModel.specs(configuration), runtime, precision: precision, seed: nil,
            group: { _ in isTrained ? 0 : nil })
        for parameter in store.parameters { try directory.read(parameter.name, into: parameter.value) }
        store.refreshCompute()
        return PolicyModel(
            decoder: DecoderModel(configuration, store, runtime), store: store, runtime: runtime)
    }

    /// A run of one trainer over a file of samples, all of them in one optimizer step.
    static func run(
        _ trainer: any Trainer, _ session: TrainingSession, _ policy: PolicyModel, samples: String
    ) throws -> TrainingRun {
        let settings = OptimizerSettings(lr: 0, weightDecay: 0, decay: .all, groups: [])
        let groups = try ParameterGroups(policy.store.specs, Still(NoConfig()), settings, freeze: [])
        let stream = try OrderedSource(try JSONLinesSource(files: [samples]))
        let horizon = ScheduleHorizon(steps: 1, warmupSteps: 0)
        return TrainingRun(
            trainer: trainer, session: session, policy: policy,
            update: WeightUpdate(Still(NoConfig()), policy.store, groups),
            schedule: Schedule(lr: 0, horizon: horizon, scheduler: Flat(NoConfig(), horizon: horizon)),
            loader: try Loader(stream, batchSize: session.settings.batchSize, prefetchedBatches: 0),
            plan: RunPlan(steps: 1, passes: 1, clipGradNorm: nil), progress: RunProgress(), observer: Unseen())
    }

    /// The gradient of every parameter, by name.
    static func gradients(_ store: ParameterStore) -> [String: [Double]] {
        store.arenas.reduce(into: [:]) { all, arena in
            let values = arena.gradients?.doubles() ?? []
            for entry in arena.entries { all[entry.name] = Array(values[entry.range]) }
        }
    }

    /// Changes nothing.
    private struct Still: Optimizer {
        init(_ config: NoConfig) {}
        let stateNames: [String] = []
        func update(_ element: UpdateElement) -> UpdatedElement { UpdatedElement(weight: element.weight, states: []) }
    }

    private struct Flat: Scheduler {
        init(_ config: NoConfig, horizon: ScheduleHorizon) {}
        func factor(step: Int) -> Double { 1 }
    }

    private final class Unseen: RunObserver {
        let shouldStop = false
        func skipped(_ sample: Sample) {}
        func finished(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) {}
    }
}

/// One way to compute the goldens: a backend with a precision.
enum AlignmentPrecision: String, CaseIterable {
    case float32, float64

    var precision: Precision { self == .float32 ? .float32 : .float64 }
    var runtime: Runtime { self == .float32 ? Runtime(CPUBackend(threads: 1)) : Runtime(ReferenceBackend()) }
}

/// An engine whose completions, rewards and reference are given.
final class FixedEngine: TrainingEngine {
    private let reference: PolicyModel
    private let results: [GenerationResult]
    private let rewards: [Double]

    init(reference: PolicyModel, results: [GenerationResult] = [], rewards: [Double] = []) {
        self.reference = reference
        self.results = results
        self.rewards = rewards
    }

    func score(_ role: String, _ batch: MicroBatch) throws -> [Double] {
        precondition(role == "reference", "no model '\(role)' was asked for before")
        return try reference.logProbs(batch)
    }

    func generate(_ requests: [GenerationRequest]) throws -> [GenerationResult] {
        precondition(requests.count == results.count, "\(requests.count) requests for \(results.count) completions")
        return results
    }

    func reduce(_ values: [Double]) throws -> [Double] { values }

    func reward(_ name: String, options: JSONValue) throws -> any Reward {
        Fixed(values: Dictionary(uniqueKeysWithValues: zip(results.map(\.ids), rewards)))
    }

    private struct Fixed: Reward {
        let values: [[Int32]: Double]
        init(_ config: NoConfig) { values = [:] }
        init(values: [[Int32]: Double]) { self.values = values }
        func score(_ completion: Completion, for sample: Sample) -> Double? { values[completion.ids] }
    }
}
