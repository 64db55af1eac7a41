import Core
import Random
import Testing

/// Updates over stored arrays on the CPU backend against the composition on the reference.
@Suite struct StoredMapTests {
    private let fixture = CPUFixture()

    /// AdamW's shape: a weight, a gradient and two means.
    static let update = Program(inputs: 4, scalars: 2) { x, s in
        let first = x[2] * 0.9 + x[1] * 0.1
        let second = x[3] * 0.95 + x[1] * x[1] * 0.05
        return [x[0] - s[0] * (first / (second.squareRoot + s[1])), first, second]
    }

    @Test(arguments: [0, 1, 100, 256, 1000, 1024, 5000], [DType.float32, .bfloat16])
    func `an update over codes is the composition's`(count: Int, dtype: DType) {
        let weight = fixture.views([count], dtype, seed: 1)
        let gradient = fixture.views([count], dtype, seed: 2)
        let blocks = [true, false].map { isSigned in
            (
                cpu: QuantizedBlocks.zeros(count, isSigned: isSigned, Runtime(fixture.cpu)),
                reference: QuantizedBlocks.zeros(count, isSigned: isSigned, Runtime(fixture.reference))
            )
        }
        let decoded = [fixture.views([count], seed: 3), fixture.views([count], seed: 4)]
        for _ in 0..<3 {
            let gap = fixture.difference(
                { isCPU in
                    let kept = blocks.map { StoredArray.blocks(isCPU ? $0.cpu : $0.reference) }
                    let weight = StoredArray.numbers(pick(weight, isCPU))
                    return .storedMap(
                        StoredMap(
                            Self.update, inputs: [weight, .numbers(pick(gradient, isCPU))] + kept,
                            outputs: [weight] + kept, scalars: [0.05, 1e-3]))
                }, results: [weight])
            #expect(gap <= (dtype == .float32 ? 1e-6 : 8e-3))
        }
        for (kept, result) in zip(blocks, decoded) {
            let gap = fixture.difference(
                { isCPU in
                    .storedMap(
                        StoredMap(
                            .identity, inputs: [.blocks(isCPU ? kept.cpu : kept.reference)],
                            outputs: [.numbers(pick(result, isCPU))]))
                }, results: [result])
            // A code beside the other where a number lies half way: the largest codes are 1/64 of the scale apart.
            #expect(gap <= 0x1p-6)
        }
    }

    @Test func `an input that is stored as it is, and one that is not read`() {
        let program = Program(inputs: 3) { x, _ in [x[1] * 2, x[0], x[0].constant(0.25)] }
        let inputs = (0..<3).map { fixture.views([1500], seed: UInt64($0)) }
        let outputs = [inputs[0], inputs[1], fixture.views([1500], .bfloat16)]
        let gap = fixture.difference(
            { isCPU in
                .storedMap(
                    StoredMap(
                        program, inputs: inputs.map { .numbers(pick($0, isCPU)) },
                        outputs: outputs.map { .numbers(pick($0, isCPU)) }))
            }, results: outputs)
        #expect(gap == 0)
    }

    @Test func `results do not depend on threads`() {
        func run(_ threads: Int) -> [[Double]] {
            let runtime = Runtime(CPUBackend(threads: threads))
            let count = 70_000
            let source = Philox(seed: 3, stream: "g")
            let values = (0..<count).map { source.normal(at: UInt64($0)) }
            let weight = runtime.tensor(values, [count], .bfloat16)
            let gradient = runtime.tensor(values.reversed(), [count], .bfloat16)
            let blocks = [true, false].map { QuantizedBlocks.zeros(count, isSigned: $0, runtime) }
            for step in 0..<3 {
                let rounding = Philox(seed: 1, stream: "step \(step)")
                runtime.run(
                    .storedMap(
                        StoredMap(
                            Self.update,
                            inputs: [.numbers(weight.view), .numbers(gradient.view)] + blocks.map { .blocks($0) },
                            outputs: [.rounded(weight.view, rounding, first: 0)] + blocks.map { .blocks($0) },
                            scalars: [0.01, 1e-8])))
            }
            return [weight.doubles()] + blocks.map { Tensor($0.codes, runtime).doubles() }
        }
        #expect(run(1) == run(3))
    }
}
