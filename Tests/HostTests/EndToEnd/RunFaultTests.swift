import Foundation
import JSON
import Testing

/// What can go wrong around a run: nothing that was good before is lost.
@Suite struct RunFaultTests {
    let bench: TrainBench

    init() throws { bench = try TrainBench() }

    @Test("a loss that is not finite stops the run with 23, names step and samples, and keeps the last checkpoint")
    func notFinite() throws {
        let settings = ["optimizer.lr=1e30", "checkpoint.every=1", "batch.size=2"]
        let outcome = try Executable.run(bench.arguments(settings))
        #expect(outcome.status == 23)
        let step = try #require(metrics().last?["step"]?.integer)
        let samples = (0..<2).map { "\(bench.data):\(2 * step + $0)" }
        let text = try #require(outcome.error)
        #expect(text.hasPrefix("stopped at step \(step + 1): loss "))
        #expect(text.hasSuffix(", expected finite numbers; samples of the batch: \(samples.joined(separator: ", "))"))
        let checkpoint = "step-" + String(format: "%08d", step)
        #expect(
            outcome.diagnostics.contains(
                "the newest checkpoint is \(bench.scratch.path("run/checkpoints/" + checkpoint))\n"))
        #expect(try bench.scratch.names(in: "run/checkpoints").last == checkpoint)
        #expect(!bench.scratch.exists("run/final"))
        #expect(try metrics().allSatisfy { $0["loss"]?.double?.isFinite == true })
        // The checkpoint is whole: the run goes on from it, and meets the same end.
        let again = try Executable.run(bench.arguments(settings))
        #expect(again.status == 23)
        #expect(again.error == outcome.error)
    }

    @Test("a disk that is full while checkpointing ends the run with 1 and leaves the earlier checkpoint whole")
    func fullDisk() throws {
        #expect(try bench.train("checkpoint.every=5", "steps=5").status == 0)
        let before = try files(of: "step-00000005")
        let words = bench.arguments(["checkpoint.every=5", "steps=12"])
        let outcome = try Executable.shell("ulimit -f 20; exec \"$0\" \"$@\"", words)
        #expect(outcome.status == 1)
        #expect(outcome.error?.hasPrefix("could not write '\(bench.scratch.path("run/checkpoints/"))") == true)
        #expect(
            outcome.error?.contains("File too large; the file needs ") == true, "\(outcome.diagnostics)")
        #expect(try bench.scratch.names(in: "run/checkpoints").filter { !$0.hasPrefix(".") } == ["step-00000005"])
        #expect(try files(of: "step-00000005") == before)
        // With room again the run goes on from there.
        let rest = try bench.train("checkpoint.every=5", "steps=12")
        #expect(rest.status == 0)
        #expect(try metrics().map { $0["step"]?.integer } == (1...12).map { $0 })
        #expect(try bench.train("checkpoint.every=5", "steps=12", run: "whole").status == 0)
        #expect(
            try bench.scratch.data("run/final/model.safetensors") == bench.scratch.data("whole/final/model.safetensors")
        )
    }

    @Test("a run directory that cannot be made or written is refused")
    func unwritable() throws {
        let path = bench.recipe + "/run"
        let outcome = try Executable.run("train", bench.recipe, "--run-dir", path)
        #expect(outcome.status == 2)
        #expect(outcome.error == "\(path): cannot create the run directory: Not a directory\n    fix: --run-dir DIR")
        let other = try Executable.run("train", bench.recipe, "--run-dir", bench.recipe)
        #expect(other.status == 2)
        #expect(other.error?.contains("cannot write in the run directory: Not a directory") == true)
    }

    @Test("a read-only run directory is refused", .enabled(if: geteuid() != 0, "root may write everywhere"))
    func readOnly() throws {
        try FileManager.default.createDirectory(atPath: bench.scratch.path("run"), withIntermediateDirectories: true)
        chmod(bench.scratch.path("run"), 0o555)
        let outcome = try bench.train()
        #expect(outcome.status == 2)
        #expect(outcome.error?.contains("cannot write in the run directory: Permission denied") == true)
    }

    @Test("a run directory that a live process uses is refused, and that process goes on")
    func inUse() throws {
        let running = try Executable.start(bench.arguments(["steps=4000"]))
        while !bench.scratch.exists("run/metrics.jsonl"), running.isAlive { usleep(1000) }
        let outcome = try bench.train("steps=4000")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                \(bench.scratch.path("run")): the run directory is in use by the live process \(running.id)
                    fix: wait for it, stop it with `kill -TERM \(running.id)`, or choose another --run-dir
                """)
        #expect(running.isAlive)
        running.signal(SIGTERM)
        #expect(try running.wait().status == 22)
        // What a dead process left behind locks nobody out.
        #expect(try bench.train("steps=5").status == 0)
    }

    @Test("a changed recipe is refused on resume with its differences, and accepted on demand")
    func drift() throws {
        #expect(try bench.train("checkpoint.every=5").status == 0)
        let changed = ["optimizer.lr=0.1", "seed=3", "checkpoint.every=2", "steps=12"]
        let outcome = try Executable.run(bench.arguments(changed))
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                resume: the recipe changed: optimizer.lr: was 0.001, now 0.1
                    fix: --accept-recipe-drift
                resume: the recipe changed: seed: was 42, now 3
                    fix: --accept-recipe-drift
                """)
        let accepted = try Executable.run(bench.arguments(changed + ["--accept-recipe-drift"]))
        #expect(accepted.status == 0)
        #expect(accepted.diagnostics.contains("note: recipe drift accepted: optimizer.lr: was 0.001, now 0.1\n"))
        #expect(
            accepted.diagnostics.contains(
                "note: steps: was 10, now 12; the learning rate's schedule is computed anew\n"))
        #expect(try metrics().map { $0["lr"]?.double } == [Double](repeating: 0.001, count: 10) + [0.1, 0.1])
    }

    @Test("a torn checkpoint is left out, and the one before it is resumed")
    func torn() throws {
        #expect(try bench.train("checkpoint.every=3", "steps=6").status == 0)
        let newest = "run/checkpoints/step-00000006"
        let file = try #require(try bench.scratch.names(in: newest).first { $0.hasPrefix("weights-layers.0") })
        truncate(bench.scratch.path(newest + "/" + file), 100)
        let outcome = try bench.train("checkpoint.every=3", "steps=10")
        #expect(outcome.status == 0)
        #expect(outcome.diagnostics.contains("warning: \(bench.scratch.path(newest)) is left out: "))
        #expect(outcome.diagnostics.contains("steps 4 to 10"))
        #expect(try bench.train("checkpoint.every=3", "steps=10", run: "whole").status == 0)
        #expect(
            try bench.scratch.data("run/final/model.safetensors") == bench.scratch.data("whole/final/model.safetensors")
        )
    }

    private func metrics() throws -> [JSONValue] { try JSONFile.lines(bench.scratch.path("run/metrics.jsonl")) }

    /// Names and bytes of a checkpoint.
    private func files(of checkpoint: String) throws -> [String: Data] {
        let directory = "run/checkpoints/" + checkpoint
        return try Dictionary(
            uniqueKeysWithValues: bench.scratch.names(in: directory).map {
                ($0, try bench.scratch.data(directory + "/" + $0))
            })
    }
}
