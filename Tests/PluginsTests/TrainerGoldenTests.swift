import Core
import DataLoader
import Foundation
import JSON
import ModelLlama
import OptimizerAdamW
import PluginAPI
import SchedulerConstant
import Testing
import TrainerDPO
import TrainerGRPO

/// One step on a fixed batch against TRL: Tests/Reference/dpo_goldens.py and grpo_goldens.py.
@Suite struct TrainerGoldenTests {
    @Test(arguments: [6, 2]) func `dpo has TRL's loss, rewards and gradients`(micro: Int) throws {
        let expected = try Goldens.json("dpo/expected.json")
        let engine = FixedEngine()
        let reference = try model("reference")
        engine.scores = reference.logProbs
        let session = session(micro: micro, engine: engine)
        let policy = try model("policy")
        let run = try run(
            try DPO(settings(DPO.Config.self), session), session, policy, data: Goldens.url("dpo/batch.jsonl"),
            count: 6)
        let figures = try run.accumulateGradients(run.nextExperience())
        try check(figures, policy, expected, gradients: "dpo/gradients.safetensors")
        for (name, value) in figures.metrics { try check(value, expected[name], name) }
        #expect(figures.metrics.count == 6)
    }

    @Test(arguments: 0..<6, [1, 3])
    func `grpo has TRL's loss, advantages and gradients`(number: Int, micro: Int) throws {
        let expected = try Goldens.json("grpo/expected.json")
        let expectedCase = try #require(expected["cases"]?.array?[number])
        let rows = try Goldens.lines("grpo/batch.jsonl")
        let engine = FixedEngine()
        let reference = try model("reference")
        engine.scores = reference.logProbs
        engine.completions = { _ in
            rows.map {
                GenerationResult(
                    ids: $0["completion_ids"]?.ids ?? [], logProbs: $0["old_logprobs"]?.numbers ?? [],
                    finishReason: .stop)
            }
        }
        let table = rows.map { ($0["completion_ids"]?.ids ?? [], $0["reward"]?.double ?? 0) }
        engine.rewards = ["table": TableReward(Dictionary(table) { first, _ in first })]
        let session = session(micro: micro, engine: engine)
        let options = ["loss_type", "beta", "use_bias_correction_kl"].map {
            JSONValue.Member($0, expectedCase[$0] ?? .null)
        }
        let config = JSONValue.object(
            options + [.init("rewards", .array([.string("table")])), .init("num_generations", .integer(4))])
        let directory = try TemporaryDirectory()
        let prompts = stride(from: 0, to: rows.count, by: 4).map {
            JSONValue.object([.init("prompt_ids", rows[$0]["prompt_ids"] ?? .null)]).text
        }
        let data = try directory.write(prompts.joined(separator: "\n"), to: "prompts.jsonl")
        let policy = try model("policy")
        let trainer = try GRPO(settings(GRPO.Config.self, config.text), session)
        let run = try run(trainer, session, policy, data: data, count: 3)
        let batches = try run.nextExperience()
        let advantages = zip(rows, expected["advantages"]?.numbers ?? []).flatMap { row, value in
            (row["completion_ids"]?.ids ?? []).map { _ in value }
        }
        let found = batches.flatMap { $0.tokenColumns["advantage"] ?? [] }
        #expect(found.count == advantages.count && zip(found, advantages).allSatisfy { abs($0 - $1) <= 1e-6 })

        let figures = try run.accumulateGradients(batches)
        try check(figures, policy, expectedCase, gradients: "grpo/" + (expectedCase["gradients"]?.string ?? ""))
        let metrics = Dictionary(uniqueKeysWithValues: figures.metrics.map { ($0.name, $0.value) })
        for name in [
            "reward", "reward_std", "frac_reward_zero_std", "entropy", "clip_ratio/low_mean", "clip_ratio/high_mean",
            "clip_ratio/region_mean", "kl",
        ] where expectedCase[name] != nil { try check(metrics[name], expectedCase[name], name) }
    }

    private func check(
        _ figures: StepFigures, _ policy: PolicyModel, _ expected: JSONValue, gradients file: String
    ) throws {
        try check(figures.loss, expected["loss"], "loss")
        try check(try policy.gradientNorm(), expected["grad_norm"], "grad_norm")
        let golden = try SafeTensorsFile(Goldens.url(file).path)
        var (distance, norm) = (0.0, 0.0)
        for parameter in policy.store.parameters {
            let target = policy.runtime.empty(parameter.shape, .float64)
            try golden.read(parameter.name, into: target)
            for (found, goal) in zip(try #require(parameter.gradient).doubles(), target.doubles()) {
                distance += (found - goal) * (found - goal)
                norm += goal * goal
            }
        }
        #expect((distance / norm).squareRoot() <= 1e-4)
    }

    private func check(_ found: Double?, _ expected: JSONValue?, _ name: String) throws {
        let (found, expected) = (try #require(found), try #require(expected?.double))
        #expect(abs(found - expected) <= 1e-4 * abs(expected) + 1e-7, "\(name): \(found), expected \(expected)")
    }

    private func model(_ name: String) throws -> PolicyModel {
        let runtime = Runtime(ReferenceBackend())
        let directory = try ModelDirectory(Goldens.url(name).path)
        let configuration = try LlamaFamily.decoder(from: ModelConfig(directory.config))
        let store = ParameterStore(DecoderModel.specs(configuration), runtime, precision: .float64, seed: nil)
        for parameter in store.parameters { try directory.read(parameter.name, into: parameter.value) }
        store.refreshCompute()
        return PolicyModel(decoder: DecoderModel(configuration, store, runtime), store: store, runtime: runtime)
    }

    private func run(
        _ trainer: any Trainer, _ session: TrainingSession, _ policy: PolicyModel, data: URL, count: Int
    ) throws -> TrainingRun {
        let optimizer = try AdamW(.template)
        let groups = try ParameterGroups(
            policy.store.specs, optimizer, OptimizerSettings(lr: 1, weightDecay: 0, decay: .all, groups: []),
            freeze: [])
        let horizon = ScheduleHorizon(steps: 1, warmupSteps: 0)
        let stream = try OrderedSource(JSONLinesSource(files: [data.path]))
        return TrainingRun(
            trainer: trainer, session: session, policy: policy, update: WeightUpdate(optimizer, policy.store, groups),
            schedule: Schedule(lr: 1, horizon: horizon, scheduler: Constant(NoConfig(), horizon: horizon)),
            loader: try Loader(stream, batchSize: count, prefetchedBatches: 0),
            plan: RunPlan(steps: 1, passes: 1, clipGradNorm: nil), progress: RunProgress(), observer: Silence())
    }
}

/// Observes nothing.
private final class Silence: RunObserver {
    var shouldStop: Bool { false }
    func skipped(_ sample: Sample) {}
    func finished(_ run: TrainingRun, _ figures: StepFigures, seconds: Double, dataWaitSeconds: Double) {}
}
