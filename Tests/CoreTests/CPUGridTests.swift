import Core
import Random
import Testing

// V table rows, N gathered rows, C columns

/// Primitives of the CPU backend over views that are empty, of one element, of odd sizes, strided, turned or repeated,
/// in every element type, against plain loops in float64.
@Suite struct CPUGridTests {
    typealias Pair = (cpu: BufferView, reference: BufferView)
    let fixture = CPUFixture()
    static let real: [DType] = [.float32, .bfloat16, .float64]

    /// Ways to lay rows x columns out: dense, with gaps after an offset, turned.
    private func views(
        _ rows: Int, _ columns: Int, _ dtype: DType, layout: Int, seed: UInt64 = 1, scale: Double = 2
    ) -> Pair {
        let strides = [[max(columns, 1), 1], [columns * 3 + 1, 2], [1, rows + 1]][layout]
        return fixture.views([rows, columns], dtype, strides: strides, seed: seed, scale: scale, offset: layout)
    }

    private func indices(_ values: [Int32], stride: Int = 1) -> Pair {
        func make(_ backend: any Backend) -> BufferView {
            let spread = values.flatMap { [$0] + [Int32](repeating: -7, count: stride - 1) }
            let tensor = Runtime(backend).tensor(spread, [spread.count])
            return BufferView(buffer: tensor.view.buffer, shape: [values.count], strides: [stride], dtype: .int32)
        }
        return (make(fixture.cpu), make(fixture.reference))
    }

    @Test(arguments: DType.allCases, DType.allCases)
    func `conversions keep every layout apart from its gaps`(from: DType, to: DType) {
        // Bytes hold no negative numbers, and fractions are cut off on the way to integers.
        for (rows, columns) in [(0, 3), (1, 1), (3, 5), (33, 65), (130, 31)] {
            for layout in 0..<9 {
                let source = views(rows, columns, from, layout: layout / 3, scale: 90)
                if to == .uint8 && from != .uint8 {
                    // What a byte holds, in the layout asked for.
                    let bytes = views(rows, columns, .uint8, layout: 0, scale: 90)
                    #expect(
                        fixture.difference(
                            { .copy(from: pick(bytes, $0), to: pick(source, $0)) }, results: [source]) == 0)
                }
                let result = views(rows, columns, to, layout: layout % 3, seed: 2)
                let whole = whole(result)
                let gap = fixture.difference({ .copy(from: pick(source, $0), to: pick(result, $0)) }, results: [whole])
                #expect(gap == 0, "\(rows) x \(columns), layout \(layout)")
            }
        }
    }

    @Test(arguments: real) func `gather reads and writes strided rows`(dtype: DType) {
        for (rows, count, columns) in [(1, 1, 1), (7, 0, 5), (10, 33, 17), (50, 401, 259), (5, 3, 0)] {
            for layout in 0..<9 {
                let table = views(rows, columns, dtype, layout: layout / 3)
                let output = views(count, columns, dtype, layout: layout % 3, seed: 2)
                let places = indices((0..<count).map { Int32(($0 * 7 + $0 / 3) % rows) }, stride: 1 + layout % 2)
                let whole = whole(output)
                let gap = fixture.difference(
                    { .gather(table: pick(table, $0), indices: pick(places, $0), output: pick(output, $0)) },
                    results: [whole])
                #expect(gap == 0, "\(rows), \(count) x \(columns), layout \(layout)")
            }
        }
    }

    @Test(arguments: real, real) func `scatterAdd adds strided rows in order`(from: DType, to: DType) {
        guard fixture.cpu.supports(scatter(from, to)) else { return }
        for (rows, count, columns) in [(1, 1, 1), (7, 0, 5), (10, 33, 17), (50, 401, 259)] {
            for layout in 0..<6 {
                let table = views(rows, columns, to, layout: 0)
                let source = views(count, columns, from, layout: layout / 2, seed: 2)
                let places = indices(
                    (0..<count).map { Int32(($0 * 7 + $0 / 3) % rows) - ($0 % 5 == 4 ? 99 : 0) },
                    stride: 1 + layout % 2)
                let gap = fixture.difference(
                    { .scatterAdd(source: pick(source, $0), indices: pick(places, $0), table: pick(table, $0)) },
                    results: [table])
                // A bfloat16 table is rounded after each of the up to 80 rows that meet in one of its own.
                let tolerance = to == .float64 && from == .float64 ? 1e-14 : to == .bfloat16 ? 0.05 : 2e-6
                #expect(gap <= tolerance, "\(rows), \(count) x \(columns), layout \(layout)")
            }
        }
    }

    @Test(arguments: real) func `sums of strided, turned and repeated views`(dtype: DType) {
        // Equal numbers are rounded the same way time after time, in blocks of up to 2048.
        let tolerance = dtype == .float64 ? 1e-11 : dtype == .bfloat16 ? 8e-3 : 2e-5
        for (rows, columns) in [(0, 3), (1, 1), (1, 33), (33, 1), (65, 31), (700, 77)] {
            for into in [[1, columns], [rows, 1], [1, 1], [rows, columns]] {
                for layout in 0..<6 {
                    let source = layout / 2 == 2
                        ? fixture.views([rows, columns], dtype, strides: [0, 1])
                        : views(rows, columns, dtype, layout: layout / 2 + 1)
                    let result = fixture.views(into, dtype, strides: [into[1] * 2 + 1, 2], seed: 2)
                    let whole = whole(result)
                    let gap = fixture.difference(
                        { .sum(pick(source, $0), into: pick(result, $0), accumulate: layout % 2 == 1) },
                        results: [whole])
                    #expect(gap <= tolerance, "\(rows) x \(columns) into \(into), layout \(layout)")
                }
            }
        }
    }

    @Test(arguments: real) func `random numbers of every type continue where they are told to`(dtype: DType) {
        let source = Philox(seed: 9, stream: "grid")
        for count in [0, 1, 15, 33, 8193, 40_001] {
            let result = fixture.views([count], dtype)
            let gap = fixture.difference({ .random(source, first: 77, pick(result, $0)) }, results: [result])
            // Both round the same float64 number; bfloat16 by way of float32 here and there.
            #expect(gap <= (dtype == .bfloat16 ? 0x1p-8 : 0), "\(count)")
            guard count > 20 else { continue }
            let rest = fixture.views([count - 20], dtype)
            fixture.cpu.run(.random(source, first: 97, rest.cpu))
            let all = fixture.doubles(result.cpu, on: fixture.cpu)
            #expect(fixture.doubles(rest.cpu, on: fixture.cpu) == Array(all[20...]))
        }
    }

    @Test(arguments: DType.allCases) func `fills leave what lies between the rows`(dtype: DType) {
        for (rows, columns) in [(0, 3), (1, 1), (3, 17), (300, 257)] {
            for layout in 0..<3 {
                let result = views(rows, columns, dtype, layout: layout)
                let whole = whole(result)
                let gap = fixture.difference({ .fill(pick(result, $0), value: 3) }, results: [whole])
                #expect(gap == 0, "\(rows) x \(columns), layout \(layout)")
            }
        }
    }

    /// Everything of a view's buffer up to its last element, so that a write between its elements is seen.
    private func whole(_ pair: Pair) -> Pair {
        func flat(_ view: BufferView) -> BufferView {
            let last = zip(view.shape, view.strides).map { max($0 - 1, 0) * $1 }.reduce(0, +)
            return BufferView(buffer: view.buffer, shape: [view.offset + last + 1], dtype: view.dtype)
        }
        return (flat(pair.cpu), flat(pair.reference))
    }

    private func scatter(_ from: DType, _ to: DType) -> Operation {
        .scatterAdd(
            source: fixture.views([1, 1], from).cpu, indices: indices([0]).cpu, table: fixture.views([1, 1], to).cpu)
    }
}
