import Core
import Foundation
import Testing

// N rows, C columns

/// Programs on the CPU backend against the reference's row-by-row interpreter.
@Suite struct CPUMapTests {
    let fixture = CPUFixture()

    static let elementwise = Program(inputs: 3, scalars: 2) { x, s in
        let ratio = x[0] / (x[1].magnitude + 0.5)
        let gate = select(x[2] < x[0], ratio.sigmoid * s[0], maximum(x[1], minimum(x[2], x[0])) - s[1])
        return [gate + (s[0] * s[1]).exp * 0.1, ratio.sign + (x[0] == x[2]) + x[1].erf * (x[2] * x[2] + 1).log]
    }
    static let rows = Program(inputs: 2, scalars: 1) { x, s in
        let shifted = x[0] - x[0].rowMax
        let normal = shifted.exp.rowSum
        let score = shifted.exp / normal * x[1]
        return [score + x[0].column * s[0], normal.log, score]
    }

    @Test(arguments: [[1], [7], [1024], [3, 5], [64, 100], [3, 1500], [2, 3, 17], [0, 4], [40_001]])
    func `elementwise programs run on every layout`(shape: [Int]) {
        let n = shape.count
        for dtype in [DType.float32, .bfloat16] {
            let tolerance = dtype == .float32 ? 2e-6 : 8e-3
            let x = fixture.views(shape, dtype, seed: 1)
            var others = [fixture.views(shape, seed: 2)]
            if n >= 1 {
                others.append(fixture.views(shape, strides: [Int](repeating: 0, count: n), seed: 3))
                others.append(fixture.views(shape.dropLast() + [1], seed: 4))
                let strides = BufferView.rowMajorStrides(shape).map { $0 * 2 }
                others.append(fixture.views(shape, strides: strides, seed: 5))
            }
            if n >= 2 {
                others.append(
                    fixture.views(shape, strides: [Int](repeating: 0, count: n - 1) + [1], seed: 6))
                others.append(
                    fixture.views(
                        shape, strides: Array(BufferView.rowMajorStrides(shape.reversed()).reversed()), seed: 7))
            }
            for y in others {
                for z in others {
                    let (first, second) = (fixture.views(shape, dtype), fixture.views(shape))
                    let gap = fixture.difference(
                        {
                            .map(
                                Self.elementwise, inputs: [pick(x, $0), pick(y, $0), pick(z, $0)],
                                outputs: [pick(first, $0), pick(second, $0)], scalars: [0.7, -0.3])
                        }, results: [first, second])
                    #expect(gap <= tolerance, "\(dtype) \(y.cpu.strides) \(z.cpu.strides)")
                }
            }
        }
    }

    @Test(arguments: [[1], [3, 1], [1, 5], [70, 64], [3, 1500], [2, 3, 17], [1500, 3], [0, 3]])
    func `row programs see whole rows and write a value per row`(shape: [Int]) {
        for dtype in [DType.float32, .bfloat16] {
            let x = fixture.views(shape, dtype, seed: 1, scale: 5)
            for y in [
                fixture.views(shape, seed: 2), fixture.views(shape.dropLast() + [1], seed: 3),
                fixture.views(shape, strides: [Int](repeating: 0, count: shape.count - 1) + [1], seed: 4),
            ] {
                let results = [
                    fixture.views(shape, dtype), fixture.views(shape.dropLast() + [1]), fixture.views(shape),
                ]
                let gap = fixture.difference(
                    { isCPU in
                        .map(
                            Self.rows, inputs: [pick(x, isCPU), pick(y, isCPU)],
                            outputs: results.map { pick($0, isCPU) }, scalars: [0.01])
                    }, results: results)
                #expect(gap <= (dtype == .float32 ? 2e-6 : 8e-3))
            }
        }
    }

    @Test func `outputs may be the inputs, even exchanged`() {
        let swap = Program(inputs: 2) { x, _ in [x[1], x[0]] }
        let cross = Program(inputs: 2) { x, _ in [x[0] + x[1], x[0] * x[1]] }
        for program in [swap, cross] {
            for shape in [[5], [3000], [40, 77]] {
                let (a, b) = (fixture.views(shape, seed: 1), fixture.views(shape, seed: 2))
                let gap = fixture.difference(
                    {
                        .map(
                            program, inputs: [pick(a, $0), pick(b, $0)], outputs: [pick(a, $0), pick(b, $0)],
                            scalars: [])
                    }, results: [a, b])
                #expect(gap <= 1e-7)
            }
        }
        // A value per row, read and written in place beside long rows.
        let running = Program(inputs: 2) { x, _ in [x[1] + 1, x[0] * x[1]] }
        let (x, total) = (fixture.views([3, 5000], seed: 1), fixture.views([3, 1], seed: 2))
        let product = fixture.views([3, 5000])
        let gap = fixture.difference(
            {
                .map(
                    running, inputs: [pick(x, $0), pick(total, $0)], outputs: [pick(total, $0), pick(product, $0)],
                    scalars: [])
            }, results: [total, product])
        #expect(gap <= 1e-7)
    }

    @Test(arguments: [[1], [5], [3000], [7, 300], [2, 3000]])
    func `sums of products agree, whichever operand is one number, a number a row, or read elsewhere`(shape: [Int]) {
        func forms(_ a: Symbol, _ b: Symbol, _ c: Symbol) -> [Symbol] {
            let product = a * b
            return [
                product + c, c + b * a, product - c, c - product, product - b * c, (product + c) * product,
                product + product, product.rowSum + product,
            ]
        }
        let kinds = [
            fixture.views(shape, seed: 1), fixture.views(shape.dropLast() + [1], seed: 2),
            fixture.views(shape, strides: shape.map { _ in 0 }, seed: 3), fixture.views(shape, .bfloat16, seed: 4),
        ]
        for form in 0..<8 {
            let program = Program(inputs: 3) { x, _ in
                [forms(x[0], x[1], x[2])[form], forms(x[2], x[0], x[1])[form].tanh]
            }
            for (a, b) in kinds.flatMap({ a in kinds.map { (a, $0) } }) {
                for c in kinds {
                    let results = [fixture.views(shape), fixture.views(shape)]
                    let gap = fixture.difference(
                        { isCPU in
                            .map(
                                program, inputs: [a, b, c].map { pick($0, isCPU) },
                                outputs: results.map { pick($0, isCPU) }, scalars: [])
                        }, results: results)
                    // A product summed over 300 columns may be 30.
                    #expect(gap <= 5e-6)
                }
            }
        }
    }

    @Test(arguments: [[5], [3000], [40, 77]])
    func `an output that is also an input is written after its last reader`(shape: [Int]) {
        // The sum stands before the product that reads what it overwrites; an output may be written twice.
        let program = Program(inputs: 3) { x, _ in
            let sum = x[0] + x[1]
            return [sum, x[0] * x[1] + sum, sum, x[0] - x[2]]
        }
        let (a, b, c) = (fixture.views(shape, seed: 1), fixture.views(shape, seed: 2), fixture.views(shape, seed: 3))
        let rounded = fixture.views(shape, .bfloat16)
        let gap = fixture.difference(
            { isCPU in
                .map(
                    program, inputs: [a, b, c].map { pick($0, isCPU) },
                    outputs: [a, b, rounded, c].map { pick($0, isCPU) }, scalars: [])
            }, results: [a, b, c])
        #expect(gap <= 1e-6)
        let written = Tensor(a.cpu, Runtime(fixture.cpu)).cast(to: .bfloat16).doubles()
        #expect(fixture.doubles(rounded.cpu, on: fixture.cpu) == written)
    }

    @Test func `programs of constants, integers and equal rows`() {
        let constant = Program(inputs: 0, scalars: 1) { _, s in [s[0] * 2] }
        let result = fixture.views([3, 70])
        #expect(
            fixture.difference(
                { .map(constant, inputs: [], outputs: [pick(result, $0)], scalars: [4]) }, results: [result]) == 0)
        let compare = Program(inputs: 2) { x, _ in [x[0] == x[1].column, x[1].rowSum, x[1].rowMax] }
        let numbers: [Int32] = [3, 0, 69]
        let indices = (
            cpu: Runtime(fixture.cpu).tensor(numbers, [3, 1]).view,
            reference: Runtime(fixture.reference).tensor(numbers, [3, 1]).view
        )
        let perRow = fixture.views([3, 1])
        let results = [fixture.views([3, 70], .uint8), fixture.views([3, 70], .int32), fixture.views([3, 70])]
        #expect(
            fixture.difference(
                { isCPU in
                    .map(
                        compare, inputs: [pick(indices, isCPU), pick(perRow, isCPU)],
                        outputs: results.map { pick($0, isCPU) }, scalars: [])
                }, results: results) <= 1e-6)
    }

    @Test func `elementary functions are exact to a few units in the last place, at the edges too`() {
        let functions: [(String, (Symbol) -> Symbol, (Double) -> Double, [Double], Double)] = [
            ("exp", { $0.exp }, { exp($0) }, Array(stride(from: -110, to: 90, by: 0.0137)), 2),
            ("log", { $0.log }, { log($0) }, (0..<20_000).map { exp(Double($0) * 0.0087 - 90) }, 2),
            ("log1p", { $0.log1p }, { log1p($0) }, (0..<9000).map { exp(Double($0) * 0.02 - 90) }, 4),
            ("log1p", { $0.log1p }, { log1p($0) }, (1..<9999).map { -Double($0) / 10_000 }, 4),
            ("tanh", { $0.tanh }, { tanh($0) }, Array(stride(from: -12, to: 12, by: 0.0013)), 4),
            ("sigmoid", { $0.sigmoid }, { 1 / (1 + exp(-$0)) }, Array(stride(from: -110, to: 40, by: 0.0137)), 4),
            ("erf", { $0.erf }, { erf($0) }, Array(stride(from: -6, to: 6, by: 0.0007)), 4),
            ("sqrt", { $0.squareRoot }, { $0.squareRoot() }, Array(stride(from: 0, to: 6, by: 0.01)), 1),
        ]
        let edges: [Double] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e30, -1e30, 1e-40, 3.4e38, -3.4e38, 88.7, 88.8, -87.4, -103.9,
        ]
        for (name, symbol, exact, grid, allowed) in functions {
            let points = (grid + edges).map { Double(Float($0)) }
            let program = Program(inputs: 1) { x, _ in [symbol(x[0])] }
            let input = Runtime(fixture.cpu).tensor(points.map(Float.init), [points.count])
            let output = Runtime(fixture.cpu).empty([points.count], .float32)
            fixture.cpu.run(.map(program, inputs: [input.view], outputs: [output.view], scalars: []))
            var worst = 0.0
            for (x, found) in zip(points, output.floats()) {
                let expected = exact(x)
                let rounded = Float(expected)
                if rounded.isNaN || !rounded.isFinite {
                    #expect(found == rounded || (found.isNaN && rounded.isNaN), "\(name)(\(x)) = \(found)")
                    continue
                }
                let gap = abs(Double(found) - expected) / Double(max(rounded.ulp, Float.leastNonzeroMagnitude))
                if gap > worst { worst = gap }
                #expect(gap <= allowed, "\(name)(\(x)) = \(found), expected \(expected)")
            }
            print("\(name): \(worst) units in the last place")
        }
    }
}
