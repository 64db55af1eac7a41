import ArgumentParser
import Core
import Foundation
import JSON
import PluginAPI
import Random

/// `forktail bench generate`: the speed of greedy generation from random prompts.
struct BenchGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Greedy generation from random prompts of one length.",
        discussion: """
            tokens_per_second counts new tokens over the whole time, prompts included. What decoding takes is the difference
            to runs that generate one token. A decoding step reads every weight once: fraction_of_read_bandwidth is its
            bytes of weights a second over what this machine's threads read at most.
            """)

    @Option(help: "A config.json, or smollm2-135m | 20m | 360m | 1b.")
    var config = "smollm2-135m"

    @Option(help: "float32 | bfloat16 | float64.")
    var precision = "bfloat16"

    @Option(help: "Sequences that are generated at once.")
    var batch = 1

    @Option(help: "Tokens of a prompt.")
    var prompt = 64

    @Option(help: "New tokens of a sequence.")
    var new = 64

    @Option(help: "Runs of which the median is taken, after one that is not counted.")
    var repeats = 5

    @Flag(name: .customLong("steps-only"), help: "Only the figures of decoding steps.")
    var stepsOnly = false

    @Option(help: "Record one more run operation by operation and write it to this file, for ui.perfetto.dev.")
    var profile: String?

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("generate")
        let registry = try Registry.forCommand(plugins: [])
        let source = try ModelSource(config: NamedModel.config(config), registry: registry)
        let precision = try Precision(recipe: precision)
        try check(source.configuration)
        let recorder = profile.map { _ in OperationRecorder() }
        let runtime = try Runtime.make(precision, recorder: recorder)
        let policy = try source.frozen(runtime, precision: precision, seed: 1)
        let generator = Generator(policy.decoder, runtime, concurrency: batch)
        func seconds(_ requests: [GenerationRequest]) throws -> Double {
            _ = try generator.generate(requests)
            return Stopwatch.median(
                try (0..<repeats).map { _ in try Stopwatch.seconds { _ = try generator.generate(requests) } })
        }
        let whole = try seconds(requests(source.configuration, new: new))
        let memory = Machine.peakResidentBytes
        let prefill = try seconds(requests(source.configuration, new: 1))
        if let recorder, let profile {
            recorder.start()
            _ = try generator.generate(requests(source.configuration, new: new))
            if let profiled = recorder.stop() {
                try AtomicFile.write(Data(profiled.chromeTrace.utf8), to: profile)
                StandardError.write("profile of one run\n\(profiled.table)\ntrace: \(profile) (opens in ui.perfetto.dev)")
            }
        }
        try options.publish(report(whole, prefill, memory, policy.decoder, runtime), comparedWith: baseline)
    }

    private func requests(_ configuration: DecoderConfiguration, new: Int) -> [GenerationRequest] {
        let random = Philox(seed: 1, stream: "bench")
        let vocabulary = UInt64(configuration.vocabularySize)
        return (0..<batch).map { row in
            let ids = (0..<prompt).map { Int32(random.integer(at: UInt64(row * prompt + $0), below: vocabulary)) }
            return GenerationRequest(prompt: ids, maximumNewTokens: new, temperature: 0, seed: 0)
        }
    }

    private func check(_ configuration: DecoderConfiguration) throws {
        var problems: [InputProblem] = []
        for (name, value, least) in [
            ("--batch", batch, 1), ("--prompt", prompt, 1), ("--new", new, 2), ("--repeats", repeats, 1),
        ] where value < least {
            problems.append(InputProblem(name, "found \(value), expected at least \(least)"))
        }
        if prompt + new > configuration.positionCount {
            problems.append(
                InputProblem(
                    "--new", "found \(new) after a prompt of \(prompt), expected at most "
                        + "\(configuration.positionCount) together, the positions of the model"))
        }
        if !problems.isEmpty { throw InputError(problems) }
    }

    private func report(
        _ whole: Double, _ prefill: Double, _ memory: Int, _ decoder: DecoderModel, _ runtime: Runtime
    ) -> BenchReport {
        let stepsPerSecond = Double(new - 1) / (whole - prefill)
        let bytes = decoder.weightBytesPerStep
        var report = BenchReport(
            "generate", threads: runtime.backend.capabilities.threadCount,
            [
                .init("config", .string(config)), .init("precision", .string(precision)),
                .init("batch", .integer(batch)), .init("prompt", .integer(prompt)), .init("new", .integer(new)),
            ])
        if !stepsOnly {
            report.add("tokens_per_second", Double(batch * new) / whole, "new tokens over the whole time, median of \(repeats)")
            report.add("prefill_seconds", prefill, "reading the prompts and drawing the first tokens")
        }
        report.add("decode_tokens_per_second", Double(batch) * stepsPerSecond, "steps after the first token")
        report.add("memory_peak_bytes", memory, "resident memory of the process")
        report.add("weight_bytes_per_step", bytes, "blocks, norms and head, once")
        if let bandwidth = MachinePeak.readBytesPerSecond(runtime) {
            report.add("read_bytes_per_second", bandwidth, "all threads reading 256 MiB, best of 5")
            report.add(
                "fraction_of_read_bandwidth", Double(bytes) * stepsPerSecond / bandwidth,
                "weight_bytes_per_step * steps a second / read_bytes_per_second")
        }
        return report
    }
}

extension DecoderModel {
    /// Bytes of weights that one step of generation reads: all but an embedding that is no head, of which it reads rows.
    fileprivate var weightBytesPerStep: Int {
        let specs = DecoderModel.specs(configuration)
        let rows = configuration.isTied ? 0 : embedding.weight.value.elementCount
        return (specs.reduce(0) { $0 + $1.elementCount } - rows) * head.compute.dtype.byteCount
    }
}
