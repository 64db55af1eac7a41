import Core
import JSON
import PluginAPI
import Testing
import TrainerDPO

/// One step of the trainer `dpo` against TRL's.
@Suite struct DPOGoldenTests {
    @Test(
        "loss, rewards and every gradient of dpo are TRL's, however the batch is split",
        arguments: AlignmentPrecision.allCases, [6, 2, 1])
    func golden(kind: AlignmentPrecision, micro: Int) throws {
        let runtime = kind.runtime
        let policy = try AlignmentModels.load("policy", runtime, kind.precision, isTrained: true)
        let reference = try AlignmentModels.load("reference", runtime, kind.precision, isTrained: false)
        let session = TrainingSession(
            settings: TrainingSettings(seed: 0, batchSize: 6, microBatchSize: micro, sequenceLength: 64),
            tokenizer: nil,
            engine: FixedEngine(reference: reference))
        var config = DPO.Config.template
        config.beta = 0.1
        let run = try AlignmentModels.run(
            DPO(config, session), session, policy, samples: Golden.path("dpo/batch.jsonl"))
        let batches = try run.nextExperience()
        #expect(batches.count == 6 / micro)
        let figures = try run.accumulateGradients(batches)

        let expected = try Golden.json("dpo/expected.json")
        var differences = [
            "loss": relativeMaximum([figures.loss], [expected["loss"]?.double ?? .nan]),
            "grad_norm": relativeMaximum([try policy.gradientNorm()], [expected["grad_norm"]?.double ?? .nan]),
        ]
        for member in expected.members where member.key.contains("/") {
            let found = figures.metrics.first { $0.name == member.key }?.value ?? .infinity
            differences[member.key] = relativeMaximum([found], [member.value.double ?? .nan])
        }
        #expect(differences.count == 8)
        let gradients = AlignmentModels.gradients(policy.store)
        let wanted = try Golden.tensors(at: Golden.path("dpo/gradients.safetensors"))
        #expect(gradients.keys.sorted() == wanted.keys.sorted())
        differences["gradients"] = wanted.map { relativeNorm(gradients[$0] ?? [], $1) }.max()
        print("dpo \(kind) micro \(micro): \(differences)")
        for (name, difference) in differences { #expect(difference <= 1e-4, "\(name)") }
    }
}
