import Foundation
import JSON
import Testing

/// Runs that are killed or stopped and go on equal the run that nobody disturbed, bit for bit.
@Suite struct ResumeTests {
    /// What is trained.
    struct Kind: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let settings: [String]
        let steps: Int
    }

    static let kinds = [
        Kind(testDescription: "in file order", settings: [], steps: 240),
        Kind(testDescription: "shuffled", settings: ["data.loader.shuffle=true"], steps: 240),
        Kind(testDescription: "8-bit states", settings: ["optimizer.states=8bit"], steps: 240),
        Kind(
            testDescription: "bfloat16 weights and states, rounded at random",
            settings: ["model.precision=bfloat16-pure"], steps: 240),
        Kind(
            testDescription: "shuffled, packed, mixed, with validation",
            settings: [
                "data.loader.shuffle=true", "sequence.pack=true", "sequence.length=40", "batch.size=6", "batch.micro=2",
                "data.train=[{path: TRAIN, weight: 2}, {path: OTHER, weight: 1}]", "data.validation=[OTHER]",
                "evaluation.every=10", "optimizer.name=muon", "scheduler={name: cosine, warmup_steps: 10}",
            ], steps: 120),
        Kind(
            testDescription: "streamed shards in MosaicML's order",
            settings: ["data={loader: {name: streaming, shuffle: py1e}, train: [SHARDS]}"], steps: 240),
        Kind(
            testDescription: "grpo, two passes over an experience",
            settings: [
                "data.train=[PROMPTS]", "batch.size=3", "batch.passes=2", "sequence.length=32",
                "trainer={name: grpo, rewards: [{name: length, max: 4, margin: 12}], num_generations: 4, "
                    + "max_completion_length: 12, stop_ids: [2], beta: 0.04}",
            ], steps: 60),
    ]

    @Test("a run that is killed at random points and goes on equals the undisturbed one", arguments: kinds)
    func killed(kind: Kind) throws {
        let work = try Work(kind)
        let whole = try work.finish("whole")
        var random = SystemRandomNumberGenerator()
        var deaths: [Int] = []
        for _ in 0..<8 {
            let running = try work.start("killed")
            let before = work.stepCount("killed")
            let target = before + Int.random(in: 0...kind.steps / 6, using: &random)
            work.wait(for: target, in: "killed", of: running)
            usleep(UInt32.random(in: 0...4000, using: &random))
            running.signal(SIGKILL)
            let outcome = try running.wait()
            #expect(outcome.status == -SIGKILL || outcome.status == 0, "\(outcome.diagnostics)")
            deaths.append(work.stepCount("killed"))
            if outcome.status == 0 { break }
        }
        print("killed (\(kind.testDescription)) when metrics.jsonl had \(deaths) lines")
        let rest = try work.finish("killed")
        #expect(rest.metrics.count == kind.steps, "deaths at \(deaths)")
        #expect(firstDifference(rest.metrics, whole.metrics) == nil, "deaths at \(deaths)")
        #expect(rest.weights.elementsEqual(whole.weights), "deaths at \(deaths)")
    }

    @Test("states may be kept in other bits from a checkpoint on, once the drift is accepted")
    func changedStates() throws {
        let work = try Work(Kind(testDescription: "states", settings: [], steps: 40))
        _ = try work.finish("run")
        let more = ["optimizer.states=8bit", "steps=60"]
        let refused = try work.start("run", more).wait()
        #expect(refused.status == 2)
        #expect(refused.diagnostics.contains("resume: the recipe changed: optimizer.states"))
        let outcome = try work.start("run", more + ["--accept-recipe-drift"]).wait()
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        #expect(work.stepCount("run") == 60)
    }

    @Test(
        "a run that is asked to stop checkpoints, leaves with 22, and goes on", arguments: [SIGTERM, SIGINT, SIGUSR1])
    func stopped(signal: Int32) throws {
        let settings = ["data.loader.shuffle=true"]
        let work = try Work(Kind(testDescription: "long", settings: settings, steps: 600), every: 0)
        let whole = try work.finish("whole")
        let running = try work.start("stopped")
        work.wait(for: 40, in: "stopped", of: running)
        running.signal(signal)
        let outcome = try running.wait()
        #expect(outcome.status == 22, "\(outcome.diagnostics)")
        let step = work.stepCount("stopped")
        #expect(
            outcome.diagnostics.contains("stopped on request after step \(step); the same command goes on from there"))
        #expect(try work.scratch.names(in: "stopped/checkpoints") == ["step-" + String(format: "%08d", step)])
        #expect(!work.scratch.exists("stopped/final"))
        let rest = try work.finish("stopped")
        #expect(firstDifference(rest.metrics, whole.metrics) == nil)
        #expect(rest.weights.elementsEqual(whole.weights))
    }

    /// The first two lines that differ; the length counts too.
    private func firstDifference(_ found: [String], _ expected: [String]) -> String? {
        func line(_ lines: [String], _ number: Int) -> String { number < lines.count ? lines[number] : "nothing" }
        let count = max(found.count, expected.count)
        let place = (0..<count).first { line(found, $0) != line(expected, $0) }
        return place.map { "found \(line(found, $0)), expected \(line(expected, $0))" }
    }

    @Test("lines after the checkpoint's step are kept beside the metrics")
    func discarded() throws {
        // Long enough that no machine is through before the signal comes. A checkpoint waits for the one before it, so
        // that of step 50 is durable after step 100.
        let work = try Work(Kind(testDescription: "long", settings: [], steps: 1000), every: 50)
        let running = try work.start("run")
        work.wait(for: 110, in: "run", of: running)
        running.signal(SIGKILL)
        _ = try running.wait()
        let before = try work.scratch.text("run/metrics.jsonl").split(separator: "\n")
        let resumed = try work.scratch.names(in: "run/checkpoints").last.flatMap { Int($0.dropFirst(5)) } ?? 0
        _ = try work.finish("run")
        let names = try work.scratch.names(in: "run").filter { $0.hasPrefix("metrics.discarded-") }
        try #require(names.count == 1)
        #expect(try work.scratch.text("run/" + names[0]).split(separator: "\n") == before.dropFirst(resumed).map { $0 })
    }
}

/// A recipe with its data, and the runs made of it.
private final class Work {
    struct Result {
        let metrics: [String]
        let weights: Data
    }

    let scratch: Scratch
    private let arguments: [String]

    init(_ kind: ResumeTests.Kind, every: Int = 7) throws {
        scratch = try Scratch()
        let files = [
            "SHARDS": scratch.path("shards"),
            "TRAIN": try scratch.write("train.jsonl", Work.documents(97, seed: 1)),
            "OTHER": try scratch.write("other.jsonl", Work.documents(31, seed: 2)),
            "PROMPTS": try scratch.write(
                "prompts.jsonl", Work.documents(20, seed: 3, column: "prompt_ids", longest: 9)),
        ]
        let made = try Executable.run(
            "data", "shard", "--input", files["TRAIN"] ?? "", "--output", files["SHARDS"] ?? "")
        try #require(made.status == 0, "\(made.diagnostics)")
        let recipe = try scratch.write(
            "recipe.yaml",
            """
            model: {path: \(Golden.path("policy"))}
            trainer: {name: pretrain}
            optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.1}
            data: {loader: {name: jsonl}, train: [TRAIN]}
            batch: {size: 4}
            sequence: {length: 48}
            steps: \(kind.steps)
            clip_grad_norm: 1.0
            checkpoint: {every: \(every)}
            """)
        let settings = ["data.train=[TRAIN]"] + kind.settings
        let arguments = settings.map { setting in
            files.reduce(setting) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
        }
        self.arguments = ["train", recipe] + arguments
    }

    func start(_ run: String, _ more: [String] = []) throws -> Executable.Running {
        try Executable.start(arguments + more + ["--run-dir", scratch.path(run), "--resume", "latest"])
    }

    func finish(_ run: String) throws -> Result {
        let outcome = try start(run).wait()
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        return Result(
            metrics: try JSONFile.metrics(scratch.path(run)),
            weights: try scratch.data(run + "/final/model.safetensors"))
    }

    /// The lines of metrics.jsonl so far.
    func stepCount(_ run: String) -> Int {
        FileManager.default.contents(atPath: scratch.path(run + "/metrics.jsonl"))?.count { $0 == UInt8(ascii: "\n") }
            ?? 0
    }

    /// Returns when metrics.jsonl has so many lines, or the process ended.
    func wait(for steps: Int, in run: String, of running: Executable.Running) {
        while stepCount(run) < steps, running.isAlive { usleep(300) }
    }

    /// Documents of 3 to `longest` ids below 90, the same for the same seed.
    private static func documents(_ count: Int, seed: UInt64, column: String = "input_ids", longest: Int = 40) -> String
    {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        return (0..<count).map { _ in
            let ids = (0..<3 + next(longest - 2)).map { _ in "\(next(90))" }
            return "{\"\(column)\": [\(ids.joined(separator: ", "))]}\n"
        }.joined()
    }
}
