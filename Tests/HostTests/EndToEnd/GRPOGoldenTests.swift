import Core
import Foundation
import JSON
import PluginAPI
import Testing
import TrainerGRPO

/// One step of the trainer `grpo` on given completions against TRL's.
@Suite struct GRPOGoldenTests {
    /// One of TRL's settings.
    struct Case: CustomTestStringConvertible, Sendable {
        let lossType: GRPO.LossType
        let beta: Double
        let correctsKL: Bool
        var testDescription: String { "\(lossType.rawValue), beta \(beta)" + (correctsKL ? ", corrected" : "") }
    }

    static let cases = [GRPO.LossType.grpo, .dapo].flatMap { type in
        [(0.0, false), (0.04, false), (0.04, true)].map { Case(lossType: type, beta: $0.0, correctsKL: $0.1) }
    }

    @Test("loss, figures and every gradient of grpo are TRL's", arguments: cases, AlignmentPrecision.allCases)
    func golden(setting: Case, kind: AlignmentPrecision) throws {
        for micro in [3, 1] {
            let (expected, step) = try (expected(setting), step(setting, kind, micro: micro))
            var differences = [
                "loss": relativeMaximum([step.figures.loss], [expected["loss"]?.double ?? .nan]),
                "grad_norm": relativeMaximum([step.gradientNorm], [expected["grad_norm"]?.double ?? .nan]),
            ]
            let reported = Set(step.figures.metrics.map(\.name))
            for member in expected.members where reported.contains(member.key) {
                let found = step.figures.metrics.first { $0.name == member.key }?.value ?? .infinity
                differences[member.key] = relativeMaximum([found], [member.value.double ?? .nan])
            }
            let named =
                ["reward", "reward_std", "frac_reward_zero_std", "entropy", "clip_ratio/low_mean"]
                + ["clip_ratio/high_mean", "clip_ratio/region_mean"] + (setting.beta == 0 ? [] : ["kl"])
            #expect(reported.isSuperset(of: named))
            let wanted = try Golden.tensors(at: Golden.path("grpo/" + (expected["gradients"]?.string ?? "")))
            #expect(step.gradients.keys.sorted() == wanted.keys.sorted())
            differences["gradients"] = wanted.map { relativeNorm(step.gradients[$0] ?? [], $1) }.max()
            print("grpo \(setting.testDescription) \(kind) micro \(micro): \(differences)")
            for (name, difference) in differences { #expect(difference <= 1e-4, "\(name)") }
        }
    }

    @Test("advantages and the reference's log-probabilities are TRL's")
    func experience() throws {
        let setting = Case(lossType: .dapo, beta: 0.04, correctsKL: true)
        let batch = try #require(try step(setting, .float64, micro: 3).batches.first)
        let expected = try Golden.json("grpo/expected.json")
        let lengths = try Golden.lines("grpo/batch.jsonl").map { $0["completion_ids"]?.array?.count ?? 0 }
        let advantages = zip(expected["advantages"]?.doubles ?? [], lengths).flatMap {
            [Double](repeating: $0, count: $1)
        }
        let reference = expected["reference_logprobs"]?.array?.flatMap(\.doubles) ?? []
        #expect(absoluteMaximum(batch.tokenColumns["advantage"] ?? [], advantages) <= 1e-6)
        #expect(relativeMaximum(batch.tokenColumns["reference"] ?? [], reference) <= 1e-5)
    }

    @Test("the divergence is corrected by default, as in TRL 1.16")
    func defaults() {
        #expect(GRPO.Config.template.correctsKL)
        #expect(GRPO.Config.template.lossType == .dapo)
    }

    private struct Step {
        let batches: [MicroBatch]
        let figures: StepFigures
        let gradients: [String: [Double]]
        let gradientNorm: Double
    }

    private func expected(_ setting: Case) throws -> JSONValue {
        try #require(
            try Golden.json("grpo/expected.json")["cases"]?.array?.first {
                $0["loss_type"]?.string == setting.lossType.rawValue && $0["beta"]?.double == setting.beta
                    && $0["use_bias_correction_kl"]?.bool == setting.correctsKL
            })
    }

    private func step(_ setting: Case, _ kind: AlignmentPrecision, micro: Int) throws -> Step {
        let runtime = kind.runtime
        let lines = try Golden.lines("grpo/batch.jsonl")
        let results = lines.map { line in
            let ids = line["completion_ids"]?.integers ?? []
            return GenerationResult(
                ids: ids, logProbs: line["old_logprobs"]?.doubles ?? [], finishReason: ids.last == 2 ? .stop : .length)
        }
        let policy = try AlignmentModels.load("policy", runtime, kind.precision, isTrained: true)
        let engine = FixedEngine(
            reference: try AlignmentModels.load("reference", runtime, kind.precision, isTrained: false),
            results: results,
            rewards: lines.compactMap { $0["reward"]?.double })
        var config = GRPO.Config.template
        config.rewards = [GRPO.RewardChoice("given")]
        config.generationCount = 4
        config.lossType = setting.lossType
        config.beta = setting.beta
        config.correctsKL = setting.correctsKL
        let session = TrainingSession(
            settings: TrainingSettings(seed: 0, batchSize: 3, microBatchSize: micro, sequenceLength: 64),
            tokenizer: nil,
            engine: engine)
        let scratch = try Scratch()
        let prompts = stride(from: 0, to: lines.count, by: 4).map { lines[$0].text + "\n" }
        let run = try AlignmentModels.run(
            GRPO(config, session), session, policy, samples: scratch.write("prompts.jsonl", prompts.joined()))
        let batches = try run.nextExperience()
        let figures = try run.accumulateGradients(batches)
        return Step(
            batches: batches, figures: figures, gradients: AlignmentModels.gradients(policy.store),
            gradientNorm: try policy.gradientNorm())
    }
}
