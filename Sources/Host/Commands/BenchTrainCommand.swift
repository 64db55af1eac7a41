import ArgumentParser
import Core
import Foundation
import JSON
import PluginAPI
import Random

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Figures of this machine.", subcommands: [BenchTrainCommand.self])
}

struct BenchTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Training steps on random tokens: clip and AdamW, every position trained.",
        discussion: "FLOPs counted: 6 N (head once) + 6 L h T (causal half) a token; recomputation is not counted.")

    @Option(help: "A config.json, or smollm2-135m.")
    var config = "smollm2-135m"

    @Option(help: "Sequences of a step.")
    var batch = 4

    @Option(help: "Tokens of a sequence.")
    var sequence = 512

    @Option(help: "float32 | bfloat16 | bfloat16-pure | float64.")
    var precision = "float32"

    @Option(help: "Steps that are timed, after one that is not.")
    var steps = 5

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let registry = try Registry.forCommand(plugins: [])
        let value: JSONValue = config == "smollm2-135m" ? BenchTrainCommand.smolLM2 : .string(config)
        let source = try ModelSource(config: value, registry: registry)
        let precision = try Precision(recipe: precision)
        let runtime = try Runtime.make(precision)
        let optimizer = try adamW(registry)
        let settings = OptimizerSettings(lr: 3e-4, weightDecay: 0.1, decay: .matrices, groups: [])
        let specs = DecoderModel.specs(source.configuration)
        let groups = try ParameterGroups(specs, optimizer, settings, freeze: [])
        let policy = try source.build(runtime, precision: precision, seed: 1) { groups.number(of: $0) }
        let update = WeightUpdate(optimizer, policy.store, groups)
        let random = Philox(seed: 1, stream: "bench")
        let vocabulary = UInt64(source.configuration.vocabularySize)
        let sequences = (0..<batch).map { row in
            TokenSequence(
                ids: (0..<sequence).map {
                    Int32(random.integer(at: UInt64(row * sequence + $0), below: vocabulary))
                }, trained: [Bool](repeating: true, count: sequence))
        }
        let trained = Double(batch * (sequence - 1))
        let data = MicroBatch(sequences: sequences, weights: ["cross_entropy": trained], sampleIDs: [])

        var seconds: [Double] = []
        for step in 0...steps {
            let start = ContinuousClock.now
            policy.store.zeroGradients()
            let graph = Graph(runtime, recording: true)
            if let scores = policy.score(data, on: graph, ObjectiveSettings()) {
                let objective = scores.crossEntropy(weight: "cross_entropy")
                graph.backward(
                    from: objective.terms.map {
                        ($0.sum, gradient: runtime.full($0.sum.shape, $0.sum.dtype, 1 / trained))
                    })
            }
            let norm = policy.store.gradientNorm()
            update.apply(step: step + 1, lrFactor: 1, gradientScale: min(1, 1 / (norm + 1e-6)))
            if step > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
        }
        try report(median(seconds), specs, source.configuration, runtime, precision)
    }

    private func adamW(_ registry: Registry) throws -> any Optimizer {
        let provider = try registry.optimizer("adamw")
        return try provider.make(provider.schema.template, "optimizer")
    }

    private func report(
        _ seconds: Double, _ specs: [ParameterSpec], _ configuration: DecoderConfiguration, _ runtime: Runtime,
        _ precision: Precision
    ) throws {
        let parameters = specs.reduce(0) { $0 + $1.elementCount }
        // An untied head counts beside the embedding only once: looking up rows costs no product.
        let untied = configuration.isTied ? 0 : configuration.vocabularySize * configuration.width
        let attention = 6 * configuration.layers.count * configuration.headCount * configuration.headSize * sequence
        let flopsPerToken = Double(6 * (parameters - untied) + attention)
        let tokensPerSecond = Double(batch * sequence) / seconds
        let flops = flopsPerToken * tokensPerSecond
        let peak = MachinePeak.flopsPerSecond(runtime, precision.compute)
        let figures: [JSONValue.Member] = [
            .init("tokens_per_second", .double(tokensPerSecond)),
            .init("seconds_per_step", .double(seconds)),
            .init("memory_peak_bytes", .integer(Machine.peakResidentBytes)),
            .init("flops_per_token", .double(flopsPerToken)),
            .init("flops_per_second", .double(flops)),
            .init("peak_flops_per_second", .double(peak)),
            .init("fraction_of_peak", .double(flops / peak)),
            .init("parameters", .integer(parameters)),
            .init("threads", .integer(runtime.backend.capabilities.threadCount)),
            .init("flops_formula", .string("6 N (head once) + 6 L h T (causal half) a token")),
        ]
        if json {
            print(JSONValue.object(figures).text)
        } else {
            for figure in figures { print("\(figure.key): \(figure.value.string ?? figure.value.text)") }
        }
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }

    private static let smolLM2 = JSONValue.object([
        .init("model_type", .string("llama")), .init("vocab_size", .integer(49152)),
        .init("hidden_size", .integer(576)), .init("intermediate_size", .integer(1536)),
        .init("num_hidden_layers", .integer(30)), .init("num_attention_heads", .integer(9)),
        .init("num_key_value_heads", .integer(3)), .init("tie_word_embeddings", .bool(true)),
        .init("max_position_embeddings", .integer(8192)), .init("rms_norm_eps", .double(1e-5)),
    ])
}

/// The most that matrix products reach on this machine, by running one.
enum MachinePeak {
    static func flopsPerSecond(_ runtime: Runtime, _ dtype: DType) -> Double {
        let size = runtime.backend.capabilities.name == "reference" ? 96 : 2048
        let (a, b, c) = (
            runtime.full([size, size], dtype, 0.5), runtime.full([size, size], dtype, 0.25),
            runtime.zeros([size, size], dtype)
        )
        let product = Operation.matmul(Matmul(a.view, b.view, into: c.view))
        runtime.run(product)
        let times = (0..<5).map { _ in
            let start = ContinuousClock.now
            runtime.run(product)
            runtime.backend.synchronize()
            return (ContinuousClock.now - start) / .seconds(1)
        }
        return 2 * Double(size) * Double(size) * Double(size) / (times.min() ?? .infinity)
    }
}
