import ArgumentParser
import Core
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
            bytes of weights a second over what the same threads reach when they do nothing but read as many bytes.
            Since the bandwidth of a machine is not steady, passes of reading lie between the runs of each round, and the
            fraction is the median of the rounds'.
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

    @Option(help: "Rounds of which the median is taken, after one that is not counted.")
    var repeats = 5

    @Flag(name: .customLong("steps-only"), help: "Only the figures of decoding steps.")
    var stepsOnly = false

    @Option(help: "Record one more run operation by operation and write it to this file, for ui.perfetto.dev.")
    var profile: String?

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("generate")
        let model = try BenchModel(config: config, precision: precision, profile: profile)
        let configuration = model.source.configuration
        try check(configuration)
        let policy = try model.source.frozen(model.runtime, precision: model.precision, seed: 1)
        let generator = Generator(policy.decoder, model.runtime, concurrency: batch)
        let (long, short) = (requests(configuration, new: new), requests(configuration, new: 1))
        _ = try generator.generate(long)
        let memory = Machine.peakResidentBytes
        let bytes = policy.decoder.weightBytesPerStep
        let reading = ReadSpeed(model.runtime, byteCount: bytes)
        // The first pass brings in the pages.
        _ = reading?.bytesPerSecond()
        let rounds = try (0..<repeats).map { _ in
            try GenerationRound(
                steps: new - 1, reading, whole: { _ = try generator.generate(long) },
                prefill: { _ = try generator.generate(short) })
        }
        try model.record("run") { _ = try generator.generate(long) }
        try options.publish(
            report(rounds, memory, bytes, model.runtime.backend.capabilities.threadCount), comparedWith: baseline)
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

    private func report(_ rounds: [GenerationRound], _ memory: Int, _ bytes: Int, _ threads: Int) -> BenchReport {
        func median(_ value: (GenerationRound) -> Double) -> Double { Stopwatch.median(rounds.map(value)) }
        var report = BenchReport(
            "generate", threads: threads,
            [
                .init("config", .string(config)), .init("precision", .string(precision)),
                .init("batch", .integer(batch)), .init("prompt", .integer(prompt)), .init("new", .integer(new)),
            ])
        if !stepsOnly {
            report.add(
                "tokens_per_second", Double(batch * new) / median(\.seconds),
                "new tokens over the whole time, median of \(repeats)")
            report.add("prefill_seconds", median(\.prefillSeconds), "reading the prompts and drawing the first tokens")
        }
        report.add("decode_tokens_per_second", Double(batch) * median(\.stepsPerSecond), "steps after the first token")
        report.add("memory_peak_bytes", memory, "resident memory of the process")
        report.add("weight_bytes_per_step", bytes, "blocks, norms and head, once")
        let reads = rounds.flatMap(\.readBytesPerSecond)
        if !reads.isEmpty {
            report.add(
                "read_bytes_per_second", Stopwatch.median(reads),
                "all threads reading weight_bytes_per_step, median of \(reads.count) passes between the runs")
            report.add(
                "fraction_of_read_bandwidth", median { $0.fraction(ofReading: bytes) },
                "weight_bytes_per_step * steps a second / read_bytes_per_second, median of \(repeats) rounds")
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
