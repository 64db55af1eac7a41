import Core
import Testing

// M N K matrix dims

/// Matrix products of the CPU backend against plain loops in float64.
@Suite struct CPUMatmulTests {
    let fixture = CPUFixture()
    static let shapes = [
        [1, 1, 1], [1, 5, 0], [0, 3, 2], [1, 64, 300], [2, 33, 65], [3, 100, 17], [4, 7, 9], [17, 1, 31], [33, 65, 129],
        [96, 64, 32], [70, 150, 100], [150, 70, 100],
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
        for dtype in [DType.float32, .bfloat16] {
            for layout in 0..<9 {
                let a = fixture.views([m, k], dtype, strides: strides(m, k, layout / 3), seed: 3)
                let b = fixture.views([k, n], dtype, strides: strides(k, n, layout % 3), seed: 4)
                for (alpha, beta) in [(1.0, 0.0), (0.5, 2.0)] {
                    let c = fixture.views([m, n], strides: [n + 3, 1], seed: 5)
                    let gap = fixture.difference(
                        { .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0), alpha: alpha, beta: beta)) },
                        results: [c])
                    #expect(gap <= 3e-6, "\(dtype) layout \(layout) beta \(beta)")
                }
            }
        }
    }

    @Test func `batches may be strided, shared by either side, or many`() {
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

    @Test func `a product with bfloat16 result accumulates in float32 and rounds once`() {
        let (a, b) = (fixture.views([1, 4096], .bfloat16), fixture.views([4096, 1], .bfloat16))
        let c = fixture.views([1, 1], .bfloat16)
        #expect(
            fixture.difference({ .matmul(Matmul(pick(a, $0), pick(b, $0), into: pick(c, $0))) }, results: [c]) <= 4e-3)
    }
}
