import ArgumentParser
import Core
import JSON
import PluginAPI

/// `forktail bench train`: the speed and memory of training steps.
struct BenchTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Training steps on random tokens: clip and AdamW, every position trained.",
        discussion: "FLOPs counted: 6 N (head once) + 6 L h T (causal half) a token; recomputation is not counted.")

    @Option(help: "A config.json, or smollm2-135m | 20m | 360m | 1b.")
    var config = "smollm2-135m"

    @Option(help: "Sequences of a step.")
    var batch = 4

    @Option(help: "Tokens of a sequence.")
    var sequence = 512

    @Option(help: "float32 | bfloat16 | bfloat16-pure | float64.")
    var precision = "float32"

    @Option(help: "What backward recomputes: none | selective | block.")
    var checkpoint = "none"

    @Option(help: "Steps that are timed, after one that is not.")
    var steps = 5

    @Option(help: "Record one more step operation by operation and write it to this file, for ui.perfetto.dev.")
    var profile: String?

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("train")
        let model = try BenchModel(config: config, precision: precision, profile: profile)
        try check(model.source.configuration)
        let step = try BenchStep(
            model, DecoderModel.Checkpointing(name: checkpoint, at: "--checkpoint"), batch: batch, sequence: sequence)
        try step.run()
        let seconds = Stopwatch.median(try (0..<steps).map { _ in try Stopwatch.seconds { try step.run() } })
        let memory = Machine.peakResidentBytes
        try model.record("step") { try step.run() }
        try options.publish(report(seconds, memory, step, model), comparedWith: baseline)
    }

    private func check(_ configuration: DecoderConfiguration) throws {
        var problems: [InputProblem] = []
        for (name, value) in [("--batch", batch), ("--steps", steps)] where value < 1 {
            problems.append(InputProblem(name, "found \(value), expected at least 1"))
        }
        let positions = configuration.positionCount
        if !(2...positions ~= sequence) {
            problems.append(
                InputProblem("--sequence", "found \(sequence), expected 2 to \(positions), the positions of the model"))
        }
        if !problems.isEmpty { throw InputError(problems) }
    }

    private func report(_ seconds: Double, _ memory: Int, _ step: BenchStep, _ model: BenchModel) -> BenchReport {
        let (source, runtime, precision) = (model.source, model.runtime, model.precision)
        let tokensPerSecond = Double(batch * sequence) / seconds
        let flopsPerToken = source.configuration.flopsPerTrainedToken(parameters: step.parameterCount, sequence: sequence)
        let flops = flopsPerToken * tokensPerSecond
        let peak = MachinePeak.flopsPerSecond(runtime, precision.compute)
        let counted = source.configuration.idleParameterCount == 0 ? "head once" : "head once, a token's experts only"
        let formula = "6 N (\(counted)) + 6 L h T (causal half) a token"
        var report = BenchReport(
            "train", threads: runtime.backend.capabilities.threadCount,
            [
                .init("config", .string(config)), .init("precision", .string(precision.rawValue)),
                .init("batch", .integer(batch)), .init("sequence", .integer(sequence)),
                .init("checkpoint", .string(checkpoint)),
            ])
        report.add("tokens_per_second", tokensPerSecond, "median of \(steps) steps")
        report.add("seconds_per_step", seconds)
        report.add("data_wait_seconds", 0.0, "the tokens lie in memory; `bench data` measures a loader")
        report.add("memory_peak_bytes", memory, "resident memory of the process")
        report.figures.append(.init("estimated_bytes", step.memory.json))
        report.add("flops_per_token", flopsPerToken, formula)
        report.add("flops_per_second", flops, formula)
        report.add("peak_flops_per_second", peak, "this machine's best product in \(precision.compute.rawValue)")
        report.add("fraction_of_peak", flops / peak)
        report.figures.append(.init("flops_formula", .string(formula)))
        report.add("parameters", step.parameterCount)
        report.add("threads", runtime.backend.capabilities.threadCount)
        return report
    }
}

extension DecoderConfiguration {
    /// FLOPs that training takes for one token: 6 N + 6 L h T, where N counts the head once (looking up an untied
    /// embedding's rows costs no product), experts those that a token goes to, and attention its causal half;
    /// recomputation is not counted.
    func flopsPerTrainedToken(parameters: Int, sequence: Int) -> Double {
        let lookedUp = isTied ? 0 : vocabularySize * width
        return Double(6 * (parameters - lookedUp - idleParameterCount) + 6 * layers.count * headCount * headSize * sequence)
    }
}
