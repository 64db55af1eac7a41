import Core
import Foundation
import OptimizerAdamW
import OptimizerLion
import OptimizerMuon
import OptimizerSGD
import PluginAPI
import Random
import Testing

/// Optimizer states in 8 bits and in bfloat16, and weights without a float32 master.
@Suite struct StateStorageTests {
    @Test func `200 steps of AdamW with 8-bit states end near those with float32 states`() throws {
        let plain = try LanguageRun(.float32, .float32)
        let coded = try LanguageRun(.float32, .eightBit)
        let start = try plain.loss
        try plain.advance(200)
        try coded.advance(200)
        let (expected, found) = (try plain.loss, try coded.loss)
        print("loss \(start) -> \(expected) with float32, \(found) with 8-bit states")
        #expect(expected < 0.5 * start)
        #expect(abs(found - expected) <= 0.05 * expected)
        #expect(Double(coded.stateByteCount) <= 0.265 * Double(plain.stateByteCount))
    }

    @Test(arguments: [StateStorage.float32, .bfloat16, .eightBit])
    func `200 steps of AdamW on bfloat16 weights end near float32's`(storage: StateStorage) throws {
        let plain = try LanguageRun(.float32, .float32)
        let pure = try LanguageRun(.bfloat16Pure, storage)
        try plain.advance(200)
        try pure.advance(200)
        let (expected, found) = (try plain.loss, try pure.loss)
        print("loss \(expected) with float32, \(found) in pure bfloat16 with \(storage) states")
        #expect(abs(found - expected) <= 0.05 * expected)
    }

    @Test func `small steps reach bfloat16 weights that rounding to nearest would leave where they are`() throws {
        let runtime = Runtime(CPUBackend(threads: 2))
        let (store, update) = try constant(runtime, SGD(.template), lr: 1e-4)
        let weight = store["w"]
        for step in 1...1000 { update.apply(step: step, lrFactor: 1, gradientScale: 1) }
        let moved = weight.value.doubles()
        let mean = moved.reduce(0, +) / Double(moved.count)
        // 1000 steps of 1e-4 from 1; one element's deviation is about 0.02, the mean's 0.0003.
        #expect(abs(mean - 0.9) < 0.002)

        let nearest = runtime.full([4096], .bfloat16, 1)
        let program = Program(inputs: 1) { x, _ in [x[0] - 1e-4] }
        for _ in 0..<1000 { runtime.run(.map(program, inputs: [nearest.view], outputs: [nearest.view], scalars: [])) }
        #expect(nearest.doubles().allSatisfy { $0 == 1 })
    }

    @Test func `a running mean in bfloat16 follows a change that rounding to nearest would miss`() throws {
        let runtime = Runtime(CPUBackend(threads: 2))
        let (store, update) = try constant(runtime, AdamW(.template), lr: 0)
        for step in 1...2000 { update.apply(step: step, lrFactor: 1, gradientScale: 1) }
        let states = try #require(update.states.first)
        let second = states.arrays[1].values(0..<4096).doubles()
        let mean = second.reduce(0, +) / 4096
        #expect(abs(mean - (1 - pow(0.999, 2000))) < 0.01)
        #expect(store["w"].value.doubles().allSatisfy { $0 == 1 })
    }

    @Test(arguments: [StateStorage.bfloat16, .eightBit])
    func `updates do not depend on how parameters share arenas`(storage: StateStorage) throws {
        func run(_ blocks: [String]) throws -> [[Double]] {
            let runtime = Runtime(CPUBackend(threads: 2))
            let specs = blocks.enumerated().map { index, block in
                ParameterSpec(
                    "w\(index)", [50, 100], block: block, initializer: .normal(standardDeviation: 1),
                    placement: .replicated)
            }
            let (store, update) = try make(runtime, AdamW(.template), specs, .bfloat16Pure, storage, lr: 0.01)
            for step in 1...5 {
                for parameter in store.parameters {
                    guard let gradient = parameter.gradient else { continue }
                    runtime.run(.copy(from: parameter.value.view, to: gradient.view))
                }
                update.apply(step: step, lrFactor: 1, gradientScale: 1)
            }
            return store.parameters.map { $0.value.doubles() }
        }
        #expect(try run(["a", "a", "a"]) == run(["a", "b", "a"]))
    }

    @Test func `whole matrices keep 8-bit states and bfloat16 weights too`() throws {
        func run(_ precision: Precision, _ storage: StateStorage) throws -> [Double] {
            let runtime = Runtime(CPUBackend(threads: 2))
            let spec = ParameterSpec(
                "w", [64, 80], block: "a", initializer: .normal(standardDeviation: 1), placement: Placement(.columns))
            let (store, update) = try make(runtime, Muon(.template), [spec], precision, storage, lr: 0.01)
            for step in 1...20 {
                if let gradient = store["w"].gradient {
                    runtime.run(.copy(from: store["w"].value.view, to: gradient.view))
                }
                update.apply(step: step, lrFactor: 1, gradientScale: 1)
            }
            return store["w"].value.doubles()
        }
        let plain = try run(.float32, .float32)
        #expect(distance(try run(.float32, .eightBit), plain) <= 0.005)
        let pure = distance(try run(.bfloat16Pure, .bfloat16), plain)
        print("20 steps of Muon on bfloat16 weights and states end \(pure) from float32's")
        #expect(pure <= 0.02)
    }

    @Test(arguments: [StateStorage.float32, .bfloat16, .eightBit])
    func `an update leaves the compute copy the weights rounded to nearest`(storage: StateStorage) throws {
        let optimizers: [any Optimizer] = [try AdamW(.template), try Muon(.template)]
        for optimizer in optimizers {
            let runtime = Runtime(CPUBackend(threads: 2))
            let specs = [[64, 80], [33]].enumerated().map { index, shape in
                ParameterSpec(
                    "w\(index)", shape, block: "a", initializer: .normal(standardDeviation: 1), placement: .replicated)
            }
            let (store, update) = try make(runtime, optimizer, specs, .bfloat16, storage, lr: 0.1)
            for arena in store.arenas { runtime.run(.copy(from: arena.weights.view, to: arena.gradients!.view)) }
            let before = store.arenas.map { $0.compute!.doubles() }
            update.apply(step: 1, lrFactor: 1, gradientScale: 1)
            #expect(store.arenas.map { $0.compute!.doubles() } != before)
            for arena in store.arenas {
                #expect(arena.compute!.doubles() == arena.weights.cast(to: .bfloat16).doubles())
            }
        }
    }

    @Test(arguments: [
        (Precision.bfloat16Pure, StateStorage.bfloat16, 40), (.bfloat16Pure, .eightBit, 256), (.float32, .eightBit, 256),
    ])
    func `what ranks make of columns of a matrix is what one rank makes of it`(
        precision: Precision, storage: StateStorage, width: Int
    ) throws {
        let shape = [60, 2 * width]
        func run(_ columns: Range<Int>) throws -> [[Double]] {
            let runtime = Runtime(CPUBackend(threads: 2))
            let spec = ParameterSpec(
                "w", shape, block: "a", initializer: .normal(standardDeviation: 1), placement: Placement(.rows, dim: 1))
            let part = ParameterPart([columns], dim: 1, of: shape)
            #expect(part.keepsTogether(256, in: shape) == (width == 256 || columns.count == 2 * width))
            let (store, update) = try make(
                runtime, AdamW(.template), [spec], precision, storage, lr: 0.01) { _ in ParameterPlace(part) }
            for step in 1...5 {
                if let gradient = store["w"].gradient {
                    runtime.run(.copy(from: store["w"].value.view, to: gradient.view))
                }
                update.apply(step: step, lrFactor: 1, gradientScale: 1)
            }
            let values = store["w"].value.doubles()
            return stride(from: 0, to: values.count, by: columns.count).map { Array(values[$0..<$0 + columns.count]) }
        }
        let (whole, left, right) = (try run(0..<2 * width), try run(0..<width), try run(width..<2 * width))
        #expect(zip(left, right).map(+) == whole)
    }

    @Test func `small arenas keep float32 states`() throws {
        let runtime = Runtime(CPUBackend(threads: 1))
        let specs = [[60, 64], [64, 64]].enumerated().map { index, shape in
            ParameterSpec("w\(index)", shape, block: "\(index)", initializer: .zeros, placement: .replicated)
        }
        let (_, update) = try make(runtime, Lion(.template), specs, .float32, .eightBit, lr: 1)
        let coded = update.states.map { states in
            states.arrays.contains { if case .blocks = $0.kept { true } else { false } }
        }
        #expect(coded == [false, true])
    }

    // MARK: helpers

    private func make(
        _ runtime: Runtime, _ optimizer: any Optimizer, _ specs: [ParameterSpec], _ precision: Precision,
        _ storage: StateStorage, lr: Double,
        place: (ParameterSpec) -> ParameterPlace? = { ParameterPlace(whole: $0.shape) }
    ) throws -> (ParameterStore, WeightUpdate) {
        let settings = OptimizerSettings(lr: lr, weightDecay: 0, decay: .all, groups: [])
        let groups = try ParameterGroups(specs, optimizer, settings, freeze: [])
        let store = ParameterStore(specs, runtime, precision: precision, seed: 1, group: { groups.number(of: $0) }, place: place)
        return (store, WeightUpdate(optimizer, store, groups, storage: storage, seed: 3))
    }

    /// 4096 bfloat16 weights of 1 with gradients of 1.
    private func constant(
        _ runtime: Runtime, _ optimizer: any Optimizer, lr: Double
    ) throws -> (ParameterStore, WeightUpdate) {
        let spec = ParameterSpec("w", [4096], block: "a", initializer: .ones, placement: .replicated)
        let (store, update) = try make(runtime, optimizer, [spec], .bfloat16Pure, .bfloat16, lr: lr)
        if let gradient = store["w"].gradient { runtime.run(.fill(gradient.view, value: 1)) }
        return (store, update)
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        let squared = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (squared / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
}

/// A small llama trained by the loop's own update on 16 samples again and again.
private final class LanguageRun {
    private static let config = #"{"model_type": "llama", "vocab_size": 97, "hidden_size": 64, "intermediate_size": 160, "#
        + #""num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "#
        + #""max_position_embeddings": 64, "tie_word_embeddings": true}"#

    private let policy: PolicyModel
    private let update: WeightUpdate
    private let batches: [MicroBatch]
    private var step = 0

    init(_ precision: Precision, _ storage: StateStorage) throws {
        let golden = try TrajectoryGolden("llama", trajectory: "trajectory32.json")
        let runtime = Runtime(CPUBackend(threads: 2))
        let configuration = try ModelFamilies.decoder(from: LanguageRun.config)
        let specs = DecoderModel.specs(configuration)
        let optimizer = try AdamW(.template)
        let settings = OptimizerSettings(lr: 1e-3, weightDecay: 0.1, decay: .matrices, groups: [])
        let groups = try ParameterGroups(specs, optimizer, settings, freeze: [])
        let store = ParameterStore(specs, runtime, precision: precision, seed: 5) { groups.number(of: $0) }
        policy = PolicyModel(decoder: DecoderModel(configuration, store, runtime), store: store, runtime: runtime)
        update = WeightUpdate(optimizer, store, groups, storage: storage, seed: 5)
        batches = stride(from: 0, to: 16, by: 4).map { start in
            let sequences = golden.samples[start..<start + 4].map { sample in
                TokenSequence(ids: sample.input_ids, trained: sample.labels.map { $0 != -100 })
            }
            let count = sequences.reduce(0) { $0 + $1.trained.dropFirst().count { $0 } }
            return MicroBatch(sequences: sequences, weights: ["cross_entropy": Double(count)], sampleIDs: [])
        }
    }

    /// The mean loss of all batches.
    var loss: Double {
        get throws {
            let logProbs = try batches.flatMap { try policy.logProbs($0) }
            return -logProbs.reduce(0, +) / Double(logProbs.count)
        }
    }

    var stateByteCount: Int {
        update.states.flatMap(\.arrays).reduce(0) { total, array in
            switch array.kept {
            case .numbers(let tensor): total + tensor.elementCount * tensor.dtype.byteCount
            case .blocks(let blocks): total + blocks.elementCount + blocks.scales.elementCount * 4
            }
        }
    }

    func advance(_ steps: Int) throws {
        for _ in 0..<steps {
            let batch = batches[step % batches.count]
            step += 1
            policy.store.zeroGradients()
            let graph = Graph(policy.runtime, recording: true)
            guard let scores = policy.score(batch, on: graph, ObjectiveSettings()) else { continue }
            let weight = batch.weights["cross_entropy"] ?? 1
            let terms = scores.crossEntropy(weight: "cross_entropy").terms
            graph.backward(
                from: terms.map { ($0.sum, gradient: policy.runtime.full($0.sum.shape, $0.sum.dtype, 1 / weight)) })
            let norm = try policy.gradientNorm()
            update.apply(step: step, lrFactor: 1, gradientScale: min(1, 1 / (norm + 1e-6)))
        }
    }
}
