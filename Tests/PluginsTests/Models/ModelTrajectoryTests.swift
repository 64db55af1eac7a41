import Core
import Testing

@Suite struct ModelTrajectoryTests {
    @Test("every architecture trains as PyTorch does in float64, to rounding", arguments: TrajectoryGolden.names)
    func float64(name: String) throws {
        let golden = try TrajectoryGolden(name, trajectory: "trajectory64.json")
        let worst = try differences(golden, Runtime(ReferenceBackend()), .float64)
        print("\(name) float64: \(worst)")
        #expect(worst.logProb <= 1e-9)
        #expect(worst.loss <= 1e-9)
        #expect(worst.norm <= 1e-9)
        #expect(worst.parameters <= 1e-9)
    }

    @Test("every architecture trains as PyTorch does in float32", arguments: TrajectoryGolden.names)
    func float32(name: String) throws {
        let golden = try TrajectoryGolden(name, trajectory: "trajectory32.json")
        let worst = try differences(golden, Runtime(CPUBackend(threads: 2)), .float32)
        print("\(name) float32: \(worst)")
        #expect(worst.logProb <= 1e-4)
        #expect(worst.loss <= 1e-4)
        #expect(worst.earlyNorm <= 1e-4)
        #expect(worst.norm <= 1e-3)
    }

    @Test("recomputing blocks changes nothing", arguments: ["qwen2"])
    func checkpointing(name: String) throws {
        let golden = try TrajectoryGolden(name, trajectory: "trajectory64.json")
        let plain = GoldenTraining(golden, Runtime(ReferenceBackend()), precision: .float64)
        let recomputed = GoldenTraining(golden, Runtime(ReferenceBackend()), precision: .float64, checkpointing: .block)
        for step in 0..<2 {
            let samples = Array(golden.samples[step * 4..<step * 4 + 4])
            #expect(plain.step(samples, learningRate: 1e-3) == recomputed.step(samples, learningRate: 1e-3))
        }
    }

    private struct Differences {
        var logProb = 0.0, loss = 0.0, norm = 0.0, earlyNorm = 0.0, parameters = 0.0
    }

    /// The largest differences over 20 steps: absolute for log-probabilities, relative for the rest.
    private func differences(
        _ golden: TrajectoryGolden, _ runtime: Runtime, _ precision: Precision
    ) throws -> Differences {
        let training = GoldenTraining(golden, runtime, precision: precision)
        var worst = Differences()
        let scored = training.logProbabilities(golden.samples.prefix(2).map(\.input_ids))
        for (ours, theirs) in zip(scored.joined(), golden.trajectory.logprobs.joined()) {
            worst.logProb = max(worst.logProb, abs(ours - theirs))
        }
        for step in 0..<20 {
            let (loss, norm) = training.step(
                Array(golden.samples[step * 4..<step * 4 + 4]), learningRate: 3e-3 * min(1, Double(step + 1) / 5))
            let (lossDifference, normDifference) = (
                abs(loss / golden.trajectory.loss[step] - 1), abs(norm / golden.trajectory.grad_norm[step] - 1)
            )
            worst.loss = max(worst.loss, lossDifference)
            worst.norm = max(worst.norm, normDifference)
            if step < 5 { worst.earlyNorm = max(worst.earlyNorm, normDifference) }
        }
        #expect(Set(golden.final.keys) == Set(training.store.parameters.map(\.name)))
        for parameter in training.store.parameters {
            let (ours, theirs) = (parameter.value.doubles(), try #require(golden.final[parameter.name]))
            let squared = zip(ours, theirs).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let total = theirs.reduce(0) { $0 + $1 * $1 }
            worst.parameters = max(worst.parameters, (squared / total).squareRoot())
        }
        return worst
    }
}
