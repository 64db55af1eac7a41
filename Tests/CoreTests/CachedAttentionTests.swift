import Core
import Random
import Testing

/// Attention over a cache in blocks, against its composition in float64 and against itself.
@Suite struct CachedAttentionTests {
    /// Sequences whose blocks lie in no order, with values in every row.
    private struct Case {
        var heads = 4
        var kvHeads = 2
        var size = 16
        var window: Int?
        var dtype = DType.float32
        /// Each sequence's new tokens: first position and count.
        var parts: [(start: Int, count: Int)] = []

        var width: Int { (parts.map { $0.start + $0.count }.max() ?? 1) / 64 + 1 }
        var blocks: Int { parts.count * width + 1 }
        var count: Int { parts.reduce(0) { $0 + $1.count } }
        var positions: [Int32] { parts.flatMap { part in (0..<part.count).map { Int32(part.start + $0) } } }
        var sequences: [Int32] { parts.enumerated().flatMap { row, part in [Int32](repeating: Int32(row), count: part.count) } }
        var table: [Int32] { (0..<parts.count * width).map { Int32(($0 * 7 + 3) % blocks) } }

        func operation(_ pair: (Int, [Int], DType) -> BufferView, _ runtime: Runtime, out: BufferView) -> Core.Operation {
            .cachedAttention(
                CachedAttention(
                    q: pair(1, [count, heads, size], dtype), keys: pair(2, [blocks, kvHeads, size, 64], dtype),
                    values: pair(3, [blocks, 64, kvHeads, size], dtype), out: out, scale: 0.3, window: window,
                    positions: runtime.tensor(positions, [count]).view,
                    sequences: runtime.tensor(sequences, [count]).view,
                    blocks: runtime.tensor(table, [parts.count, width]).view))
        }
    }

    private static let cases: [Case] = [
        Case(parts: [(0, 1)]),
        Case(parts: [(63, 1), (64, 1), (0, 1), (200, 1)]),
        Case(heads: 3, kvHeads: 3, size: 7, parts: [(0, 70), (3, 5)]),
        Case(heads: 9, kvHeads: 3, size: 64, parts: [(0, 130), (511, 3), (700, 1)]),
        Case(heads: 6, kvHeads: 1, size: 80, parts: [(1100, 2), (60, 9)]),
        Case(heads: 5, kvHeads: 5, size: 128, window: 5, parts: [(0, 12), (600, 40)]),
        Case(heads: 4, kvHeads: 2, size: 24, window: 1, parts: [(5, 1), (64, 2)]),
        Case(heads: 2, kvHeads: 1, size: 1, window: 600, parts: [(1023, 66)]),
    ]

    @Test("a token attends to its own keys wherever their blocks are", arguments: cases.indices, [DType.float32, .bfloat16])
    func composition(index: Int, dtype: DType) {
        var item = Self.cases[index]
        item.dtype = dtype
        let fixture = CPUFixture()
        var results: [(cpu: BufferView, reference: BufferView)] = []
        let out = fixture.views([item.count, item.heads, item.size], dtype, seed: 9)
        results.append(out)
        let gap = fixture.difference(
            { isCPU in
                item.operation(
                    { pick(fixture.views($1, $2, seed: UInt64($0)), isCPU) },
                    Runtime(isCPU ? fixture.cpu : fixture.reference), out: pick(out, isCPU))
            }, results: results)
        #expect(gap < (dtype == .bfloat16 ? 8e-3 : 2e-6))
    }

    @Test("a token's result is the same bits alone, in company and on any number of threads", arguments: cases.indices)
    func independence(index: Int) {
        let item = Self.cases[index]
        func run(_ item: Case, threads: Int, first: Int = 0) -> [Float] {
            let fixture = CPUFixture(CPUBackend(threads: threads))
            let runtime = Runtime(fixture.cpu)
            let out = runtime.zeros([item.count, item.heads, item.size], .float32)
            runtime.run(
                item.operation(
                    { seed, shape, dtype in
                        if seed != 1 { return fixture.views(shape, dtype, seed: UInt64(seed)).cpu }
                        let all = [Self.cases[index].count] + shape.dropFirst()
                        return fixture.views(all, dtype, seed: 1).cpu.sliced(dim: 0, first..<first + shape[0])
                    }, runtime, out: out.view))
            return out.floats()
        }
        let together = run(item, threads: 1)
        #expect(run(item, threads: 3) == together)
        let width = item.heads * item.size
        var token = 0
        for part in item.parts.indices {
            for step in 0..<item.parts[part].count {
                // The others stay in the table, so that blocks are the same, and have no tokens.
                var alone = item
                alone.parts = item.parts.enumerated().map { row, value in
                    (value.start + (row == part ? step : value.count), row == part ? 1 : 0)
                }
                if alone.width == item.width {
                    #expect(run(alone, threads: 3, first: token) == Array(together[token * width..<(token + 1) * width]))
                }
                token += 1
            }
        }
    }

    @Test("scatter stores rows and leaves the others as they are", arguments: [DType.float32, .bfloat16, .int32])
    func scatter(dtype: DType) {
        let fixture = CPUFixture()
        let source = fixture.views([3, 5], dtype, strides: [7, 1], seed: 1)
        let table = fixture.views([40, 5], dtype, strides: [1, 40], seed: 2)
        let gap = fixture.difference(
            { isCPU in
                let runtime = Runtime(isCPU ? fixture.cpu : fixture.reference)
                return .scatter(
                    source: pick(source, isCPU), indices: runtime.tensor([39, -1, 0] as [Int32], [3]).view,
                    table: pick(table, isCPU))
            }, results: [table])
        #expect(gap == 0)
        let (stored, given) = (fixture.doubles(table.cpu, on: fixture.cpu), fixture.doubles(source.cpu, on: fixture.cpu))
        #expect(Array(stored[195..<200]) == Array(given[0..<5]) && Array(stored[0..<5]) == Array(given[10..<15]))
    }
}
