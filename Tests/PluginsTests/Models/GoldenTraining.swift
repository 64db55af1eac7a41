import Core
import Foundation

/// The training that the goldens describe: summed cross-entropy over the batch's trained tokens, clipping, AdamW.
final class GoldenTraining {
    let store: ParameterStore
    let decoder: DecoderModel
    private let runtime: Runtime
    private var moments: [(first: Tensor, second: Tensor)] = []
    private var step = 0

    init(
        _ golden: TrajectoryGolden, _ runtime: Runtime, precision: Precision,
        checkpointing: DecoderModel.Checkpointing = .none
    ) {
        store = ParameterStore(DecoderModel.specs(golden.configuration), runtime, precision: precision, seed: nil)
        for parameter in store.parameters {
            guard let values = golden.initial[parameter.name] else {
                preconditionFailure("the golden has no '\(parameter.name)'")
            }
            let source = runtime.tensor(values, parameter.shape)
            runtime.run(.copy(from: source.view, to: parameter.value.view))
        }
        store.refreshCompute()
        decoder = DecoderModel(golden.configuration, store, runtime, checkpointing: checkpointing)
        self.runtime = runtime
    }

    /// log p of each token after the first.
    func logProbabilities(_ rows: [[Int32]]) -> [[Double]] {
        rows.map { row in
            let graph = Graph(runtime, recording: false)
            let hidden = decoder.hidden(graph, TokenBatch([row], runtime))
            let width = decoder.configuration.width
            let scored = Tensor(hidden.view.sliced(dim: 1, 0..<row.count - 1), runtime).contiguous()
                .reshaped(to: [row.count - 1, width])
            let targets = runtime.tensor(Array(row.dropFirst()), [row.count - 1])
            return graph.score(scored, head: decoder.head, targets: targets).logProb.doubles()
        }
    }

    /// One optimizer step; returns the loss and the gradient's norm before clipping.
    func step(_ samples: [TrajectoryGolden.Sample], learningRate: Double) -> (loss: Double, norm: Double) {
        store.zeroGradients()
        let graph = Graph(runtime, recording: true)
        let width = samples[0].input_ids.count
        let hidden = decoder.hidden(graph, TokenBatch(samples.map(\.input_ids), runtime))
        var (places, targets): ([Int32], [Int32]) = ([], [])
        for (row, sample) in samples.enumerated() {
            for t in 1..<width where sample.labels[t] != -100 {
                places.append(Int32(row * width + t - 1))
                targets.append(sample.labels[t])
            }
        }
        let flat = hidden.reshaped(to: [samples.count * width, decoder.configuration.width])
        let scored = graph.rows(flat, at: runtime.tensor(places, [places.count]))
        let scores = graph.score(scored, head: decoder.head, targets: runtime.tensor(targets, [targets.count]))
        let seed = runtime.full([targets.count], scores.logProb.dtype, -1 / Double(targets.count))
        graph.backward(from: [(scores.logProb, gradient: seed)])

        let norm = store.arenas.flatMap { $0.gradients?.doubles() ?? [] }.reduce(0) { $0 + $1 * $1 }.squareRoot()
        update(learningRate: learningRate, gradientScale: min(1, 1 / (norm + 1e-6)))
        return (-scores.logProb.doubles().reduce(0, +) / Double(targets.count), norm)
    }

    /// Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2.
    private static let adamW = Program(inputs: 4, scalars: 4) { x, s in
        let (rate, scale, correction1, correction2) = (s[0], s[1], s[2], s[3])
        let gradient = x[1] * scale
        let first = 0.9 * x[2] + 0.1 * gradient
        let second = 0.95 * x[3] + 0.05 * gradient * gradient
        let direction = first / correction1 / ((second / correction2).squareRoot + 1e-8)
        return [x[0] * (1 - 0.1 * rate) - rate * direction, first, second]
    }

    private func update(learningRate: Double, gradientScale: Double) {
        step += 1
        if moments.isEmpty {
            moments = store.arenas.map { arena in
                (runtime.zeros([arena.elementCount], arena.dtype), runtime.zeros([arena.elementCount], arena.dtype))
            }
        }
        let scalars = [learningRate, gradientScale, 1 - pow(0.9, Double(step)), 1 - pow(0.95, Double(step))]
        for (arena, (first, second)) in zip(store.arenas, moments) {
            guard let gradients = arena.gradients else { continue }
            runtime.run(
                .map(
                    GoldenTraining.adamW, inputs: [arena.weights.view, gradients.view, first.view, second.view],
                    outputs: [arena.weights.view, first.view, second.view], scalars: scalars))
        }
        store.refreshCompute()
    }
}
