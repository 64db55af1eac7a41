import Core
import Testing

// N rows, O outputs, I inputs

/// Products with weights in 8 or 4 bits on the CPU backend against the composition on the reference.
@Suite struct QuantizedMatmulTests {
    private let fixture = CPUFixture()

    static let shapes = [
        [0, 3, 5], [1, 1, 1], [1, 33, 64], [3, 5, 63], [9, 7, 65], [10, 40, 130], [12, 300, 1100], [40, 1000, 200],
    ]

    @Test(arguments: shapes, QuantizedMatrix.Format.allCases)
    func `products are the composition's`(shape: [Int], format: QuantizedMatrix.Format) {
        let (n, o, i) = (shape[0], shape[1], shape[2])
        for (dtype, tolerance) in [(DType.float32, 2e-6), (.bfloat16, 1e-2)] {
            let weights = matrices(fixture.views([o, i], seed: 1), format)
            for isBackward in [false, true] {
                let (depth, width) = isBackward ? (o, i) : (i, o)
                for strides in [[depth, 1], [depth + 3, 1], [1, n]] {
                    let a = fixture.views([n, depth], dtype, strides: strides, seed: 2)
                    for accumulates in [false, true] {
                        let c = fixture.views([n, width], dtype, strides: [width + 2, 1], seed: 3)
                        let gap = fixture.difference(
                            { isCPU in
                                .quantizedMatmul(
                                    QuantizedMatmul(
                                        pick(a, isCPU), isCPU ? weights.cpu : weights.reference, into: pick(c, isCPU),
                                        isBackward: isBackward, accumulates: accumulates))
                            }, results: [c])
                        #expect(gap <= tolerance, "\(dtype) backward \(isBackward) \(strides) \(accumulates)")
                    }
                }
            }
        }
    }

    @Test func `products are the same by every library`() {
        for way in CPUMatmulTests.fixtures {
            for format in QuantizedMatrix.Format.allCases {
                let weights = matrices(fixture.views([130, 70], seed: 1), format)
                let (a, c) = (way.views([20, 70], seed: 2), way.views([20, 130], seed: 3))
                let gap = way.difference(
                    { isCPU in
                        .quantizedMatmul(
                            QuantizedMatmul(
                                pick(a, isCPU), isCPU ? weights.cpu : weights.reference, into: pick(c, isCPU)))
                    }, results: [c])
                #expect(gap <= 2e-6)
            }
        }
    }

    @Test(arguments: [(QuantizedMatrix.Format.int8, 1.01, 0.008), (.nf4, 0.52, 0.095)])
    func `the error and the bytes are those of the format`(format: QuantizedMatrix.Format, bytes: Double, error: Double) {
        let runtime = Runtime(fixture.cpu)
        let (o, i) = (256, 512)
        let parameter = ParameterStore(
            [ParameterSpec("w", [o, i], block: "b", initializer: .normal(standardDeviation: 0.02), placement: Placement(.columns))],
            runtime, precision: .float32, seed: 4)["w"]
        let weights = runtime.quantized(parameter.value.view, format)
        #expect(Double(weights.byteCount) <= bytes * Double(o * i))
        let identity = runtime.tensor((0..<i * i).map { $0 % (i + 1) == 0 ? Float(1) : 0 }, [i, i])
        let decoded = runtime.empty([i, o], .float32)
        runtime.run(.quantizedMatmul(QuantizedMatmul(identity.view, weights, into: decoded.view)))
        let found = Tensor(decoded.view.transposed(0, 1), runtime).doubles()
        let exact = parameter.value.doubles()
        let squared = zip(found, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let relative = (squared / exact.reduce(0) { $0 + $1 * $1 }).squareRoot()
        print("\(format): relative error \(relative), \(Double(weights.byteCount) / Double(o * i)) bytes a weight")
        #expect(relative <= error)
        #expect(relative >= error / 2)
    }

    @Test func `NF4 codes and numbers are those of bitsandbytes`() throws {
        let golden = try QuantizedGolden()
        #expect(zip(NF4.numbers, golden.numbers("tables", "nf4")).allSatisfy { abs($0 - $1) <= 1e-7 })
        let shape = golden.numbers("nf4", "shape").map { Int($0) }
        let numbers = golden.numbers("nf4", "numbers")
        for backend in [fixture.cpu, fixture.reference] as [any Backend] {
            let runtime = Runtime(backend)
            let weights = runtime.quantized(runtime.tensor(numbers, shape, .float32).view, .nf4)
            #expect(Tensor(weights.codes, runtime).doubles() == golden.numbers("nf4", "codes"))
            guard case .blocks(_, let offset) = weights.scales else {
                Issue.record("NF4 has no blocks")
                return
            }
            #expect(abs(Double(offset) - golden.number("nf4", "offset")) <= 1e-8)
            let identity = runtime.tensor((0..<shape[0] * shape[0]).map { $0 % (shape[0] + 1) == 0 ? Float(1) : 0 }, [shape[0], shape[0]])
            let decoded = runtime.empty(shape, .float32)
            runtime.run(.quantizedMatmul(QuantizedMatmul(identity.view, weights, into: decoded.view, isBackward: true)))
            // Ours are twice quantised: the scales' 8-bit codes are within 1/140 of the scales' range.
            let range = golden.numbers("nf4", "scales").reduce(0) { max($0, abs($1 - golden.number("nf4", "offset"))) }
            let worst = zip(decoded.doubles(), golden.numbers("nf4", "decoded")).map { abs($0 - $1) }.max() ?? .nan
            #expect(worst <= range / 140)
        }
    }

    @Test(arguments: QuantizedMatrix.Format.allCases)
    func `weights get the reference's codes, but for those half way between two`(format: QuantizedMatrix.Format) {
        let weights = fixture.views([300, 130], seed: 1)
        let found = Runtime(fixture.cpu).quantized(weights.cpu, format)
        let expected = Runtime(fixture.reference).quantized(weights.reference, format)
        let pairs = zip(doubles(found.codes), doubles(expected.codes))
        #expect(pairs.count { $0 != $1 } <= 4)
        #expect(pairs.allSatisfy { abs($0 - $1) <= 16 })
    }

    /// The reference's codes on both backends.
    private func matrices(
        _ weights: (cpu: BufferView, reference: BufferView), _ format: QuantizedMatrix.Format
    ) -> (cpu: QuantizedMatrix, reference: QuantizedMatrix) {
        let reference = Runtime(fixture.reference).quantized(weights.reference, format)
        func moved(_ view: BufferView) -> BufferView {
            Runtime(fixture.cpu).tensor(doubles(view), view.shape, view.dtype).view
        }
        let scales: QuantizedMatrix.Scales = switch reference.scales {
        case .rows(let view): .rows(moved(view))
        case .blocks(let blocks, let offset):
            .blocks(
                QuantizedBlocks(
                    codes: moved(blocks.codes), scales: moved(blocks.scales), isSigned: blocks.isSigned),
                offset: offset)
        }
        let copy = QuantizedMatrix(codes: moved(reference.codes), scales: scales, columns: reference.columnCount)
        return (copy, reference)
    }

    /// Values in host memory, whichever backend they are of.
    private func doubles(_ view: BufferView) -> [Double] { fixture.doubles(view, on: fixture.reference) }
}
