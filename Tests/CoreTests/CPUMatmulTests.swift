import Core
import Testing

// M N K matrix dims

/// Matrix products of the CPU backend against plain loops in float64.
@Suite struct CPUMatmulTests {
    /// As this CPU does it, and by every library that is here, with and without panels for bfloat16.
    static let ways: [(name: String, products: ProductChoices)] = {
        let libraries = ProductLibraries()
        let present = ProductLibrary.allCases.filter { libraries.absence(of: $0, for: .float32) == nil }
        return [("the built-in table", ProductChoices(.builtIn))] + present.map { ("\($0)", .only($0)) }
            + [("panels of float32 alone", .only(.panels, ProductLibraries(panelTypes: [.float32])))]
    }()
    static var fixtures: [CPUFixture] { ways.map { CPUFixture(CPUBackend(threads: 2, products: $0.products)) } }
    static let shapes = [
        [1, 1, 1], [1, 5, 0], [0, 3, 2], [1, 64, 300], [2, 33, 65], [3, 100, 17], [4, 7, 9], [17, 1, 31], [33, 65, 129],
        [96, 64, 32], [70, 150, 100], [150, 70, 100], [13, 33, 2100], [130, 1, 70],
    ]

    /// Dense rows, dense columns, neither.
    private func strides(_ rows: Int, _ columns: Int, _ layout: Int) -> [Int] {
        switch layout {
        case 0: [max(columns, 1), 1]
        case 1: [1, max(rows, 1)]
        default: [max(columns, 1) * 3, 2]
        }
    }

    @Test(arguments: shapes)
    func `products of every layout agree with plain loops`(shape: [Int]) {
        let (m, n, k) = (shape[0], shape[1], shape[2])
        for (fixture, dtype) in Self.fixtures.flatMap({ [($0, DType.float32), ($0, .bfloat16)] }) {
            let way = fixture.cpu.capabilities.products?.origin ?? ""
            for layout in 0..<9 {
                let a = fixture.views([m, k], dtype, strides: strides(m, k, layout / 3), seed: 3)
                let b = fixture.views([k, n], dtype, strides: strides(k, n, layout % 3), seed: 4)
                for (alpha, beta) in [(1.0, 0.0), (0.5, 2.0)] {
                    let c = fixture.views([m, n], strides: [n + 3, 1], seed: 5)
                    let gap = fixture.difference(
                        { .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0), alpha: alpha, beta: beta)) },
                        results: [c])
                    #expect(gap <= 3e-6, "\(way): \(dtype) layout \(layout) beta \(beta)")
                }
            }
        }
    }

    @Test(arguments: ways.indices) func `batches may be strided, shared by either side, or many`(variant: Int) {
        let fixture = Self.fixtures[variant]
        for (batch, m, n, k) in [([2, 3], 5, 7, 9), ([1, 40], 16, 16, 32), ([3, 1], 1, 12, 64), ([0, 2], 3, 3, 3)] {
            let dense = fixture.views(batch + [m, k])
            let swapped = fixture.views(batch + [m, k], strides: [k * m * batch[1], k, k * batch[1], 1])
            let shared = fixture.views(batch + [m, k], strides: [0, 0, k, 1])
            let right = fixture.views(batch + [k, n], strides: [n * k, 0, n, 1])
            let weight = fixture.views(batch + [k, n], strides: [0, 0, 1, k])
            for left in [dense, swapped, shared] {
                for right in [right, weight] {
                    for dtype in [DType.float32, .bfloat16] {
                        let c = fixture.views(batch + [m, n], dtype)
                        #expect(
                            fixture.difference(
                                { .matmul(Matmul(pick(left, $0), pick(right, $0), into: pick(c, $0))) }, results: [c])
                                <= (dtype == .float32 ? 3e-6 : 8e-3))
                    }
                }
            }
        }
    }

    @Test(arguments: ways.indices, [40, 80])
    func `a product with bfloat16 result accumulates in float32 and rounds once`(way: Int, rows: Int) {
        let fixture = Self.fixtures[way]
        let (a, b) = (fixture.views([rows, 4099], .bfloat16), fixture.views([4099, 3], .bfloat16))
        let c = fixture.views([rows, 3], .bfloat16)
        for (alpha, beta) in [(1.0, 0.0), (0.25, 1.0)] {
            let gap = fixture.difference(
                { .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0), alpha: alpha, beta: beta)) }, results: [c])
            #expect(gap <= 4e-3, "beta \(beta)")
        }
    }

    @Test(arguments: ways.indices) func `factors of two types are multiplied in float32`(way: Int) {
        let fixture = Self.fixtures[way]
        let (a, b) = (fixture.views([70, 33]), fixture.views([33, 20], .bfloat16))
        let c = fixture.views([70, 20])
        #expect(
            fixture.difference({ .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0))) }, results: [c]) <= 3e-6)
    }

    @Test func `oneDNN forgets forms that it has not met for long, and still multiplies`() {
        guard ProductLibraries().absence(of: .onednn, for: .float32) == nil else {
            print("skipped: oneDNN is not here")
            return
        }
        let fixture = CPUFixture(CPUBackend(threads: 1, products: .only(.onednn)))
        for size in Array(17..<217) + Array(17..<30) {
            let (a, b) = (fixture.views([size, 5]), fixture.views([5, 16]))
            let c = fixture.views([size, 16])
            let gap = fixture.difference(
                { .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0))) }, results: [c])
            #expect(gap <= 3e-6, "\(size) rows")
        }
    }

    @Test func `a row of a product does not depend on how many rows there are`() {
        let fixture = Self.fixtures[0]
        guard fixture.cpu.capabilities.fastTypes.contains(.bfloat16) else {
            print("skipped: this CPU multiplies by a BLAS library, whose rows depend on their number")
            return
        }
        for dtype in [DType.float32, .bfloat16] {
            let (a, b) = (fixture.views([300, 129], dtype).cpu, fixture.views([129, 70], dtype).cpu)
            func product(_ rows: Range<Int>) -> [Double] {
                let c = fixture.views([rows.count, 70]).cpu
                fixture.cpu.run(.matmul(Matmul(a.sliced(dim: 0, rows), b, into: c)))
                return fixture.doubles(c, on: fixture.cpu)
            }
            #expect(product(0..<300) == product(0..<100) + product(100..<113) + product(113..<300))
        }
    }
}

extension ProductChoices {
    /// One library for everything.
    static func only(_ library: ProductLibrary, _ libraries: ProductLibraries = ProductLibraries()) -> ProductChoices {
        let table = ProductTable(rows: [ProductTable.Row(library: library)], origin: "\(library) alone")
        return ProductChoices(table, libraries: libraries)
    }
}
