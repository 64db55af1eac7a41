import Core
import Random
import Testing

/// Every primitive of the CPU backend against plain loops in float64.
@Suite struct CPUPrimitivesTests {
    let fixture = CPUFixture()

    @Test(arguments: [[], [0], [1], [7], [3, 5], [0, 4], [17, 33], [2, 3, 4, 5], [300, 257]])
    func `fill sets every element of a view and nothing else`(shape: [Int]) {
        for dtype in DType.allCases {
            let dense = fixture.views(shape, dtype)
            #expect(fixture.difference({ .fill(pick(dense, $0), value: 3) }, results: [dense]) == 0)
        }
        guard shape.count == 2 else { return }
        let whole = fixture.views([shape[0], shape[1] + 3])
        let part = (
            cpu: whole.cpu.sliced(dim: 1, 1..<shape[1] + 1), reference: whole.reference.sliced(dim: 1, 1..<shape[1] + 1)
        )
        #expect(fixture.difference({ .fill(pick(part, $0), value: -1.5) }, results: [whole]) == 0)
    }

    @Test func `copies convert between all element types`() {
        for from in DType.allCases {
            for to in DType.allCases {
                for count in [1, 15, 1000] {
                    let isByte = from == .uint8 || to == .uint8
                    let source = fixture.views([count], .float64, scale: 100)
                    let program = { (isCPU: Bool) in Tensor(pick(source, isCPU), Runtime(fixtureBackend(isCPU))) }
                    // Bytes hold no negative numbers.
                    let values = program(true).doubles().map { isByte ? abs($0) : $0 }
                    func typed(_ isCPU: Bool) -> BufferView {
                        Runtime(fixtureBackend(isCPU)).tensor(values, [count]).cast(to: from).view
                    }
                    let views = (cpu: typed(true), reference: typed(false))
                    let results = fixture.views([count], to)
                    #expect(
                        fixture.difference({ .copy(from: pick(views, $0), to: pick(results, $0)) }, results: [results])
                            == 0, "\(from) to \(to), \(count) elements")
                }
            }
        }
        func fixtureBackend(_ isCPU: Bool) -> any Backend { isCPU ? fixture.cpu : fixture.reference }
    }

    @Test(arguments: [[1, 1], [5, 3], [64, 64], [257, 130], [1, 70_000], [1000, 1]])
    func `copies transpose, stride and broadcast`(shape: [Int]) {
        for dtype in [DType.float32, .bfloat16] {
            let source = fixture.views([shape[1], shape[0]])
            let turned = (cpu: source.cpu.transposed(0, 1), reference: source.reference.transposed(0, 1))
            let result = fixture.views(shape, dtype)
            #expect(fixture.difference({ .copy(from: pick(turned, $0), to: pick(result, $0)) }, results: [result]) == 0)
            let repeated = fixture.views(shape, strides: [0, 1])
            #expect(
                fixture.difference({ .copy(from: pick(repeated, $0), to: pick(result, $0)) }, results: [result]) == 0)
            let gaps = fixture.views(shape, dtype, strides: [shape[1] * 3, 2], offset: 1)
            #expect(fixture.difference({ .copy(from: pick(result, $0), to: pick(gaps, $0)) }, results: [gaps]) == 0)
        }
        let heads = fixture.views([2, 5, 3, 7])
        let swapped = (cpu: heads.cpu.transposed(1, 2), reference: heads.reference.transposed(1, 2))
        let result = fixture.views([2, 3, 5, 7])
        #expect(fixture.difference({ .copy(from: pick(swapped, $0), to: pick(result, $0)) }, results: [result]) == 0)
    }

    @Test(arguments: [
        ([0], [1]), ([1], [1]), ([1000], [1]), ([100_003], [1]), ([3, 0], [3, 1]), ([5, 7], [1, 7]), ([5, 7], [5, 1]),
        ([5, 7], [1, 1]), ([600, 70], [1, 70]), ([130, 1030], [1, 1030]), ([600, 70], [600, 1]),
        ([2, 3, 4, 5], [2, 1, 4, 1]),
        ([2, 3, 4, 5], [1, 3, 1, 5]), ([2, 3, 4, 5], [2, 3, 4, 5]), ([1500, 3], [1, 3]), ([3, 70_000], [3, 1]),
    ])
    func `sums over any dims, strided and accumulated`(shape: [Int], into: [Int]) {
        for (dtype, tolerance) in [(DType.float32, 2e-6), (.bfloat16, 8e-3), (.float64, 1e-12)] {
            for accumulate in [false, true] {
                let source = fixture.views(shape, dtype)
                let result = fixture.views(into, dtype, seed: 2)
                #expect(
                    fixture.difference(
                        { .sum(pick(source, $0), into: pick(result, $0), accumulate: accumulate) }, results: [result])
                        <= tolerance, "\(dtype)")
            }
        }
        guard shape.count == 2 else { return }
        let turned = fixture.views(shape, strides: [1, max(shape[0], 1)])
        let result = fixture.views(into)
        #expect(
            fixture.difference(
                { .sum(pick(turned, $0), into: pick(result, $0), accumulate: false) }, results: [result]) <= 2e-6)
    }

    @Test func `gather reads rows and scatterAdd adds them in order`() {
        for (dtype, tolerance) in [(DType.float32, 1e-6), (.bfloat16, 2e-2)] {
            for (rows, count, columns) in [(1, 1, 1), (7, 0, 5), (10, 33, 17), (50, 400, 260)] {
                let table = fixture.views([rows, columns], dtype)
                let numbers = (0..<count).map { Int32(($0 * 7 + $0 / 3) % rows) }
                let indices = (
                    cpu: Runtime(fixture.cpu).tensor(numbers, [count]).view,
                    reference: Runtime(fixture.reference).tensor(numbers, [count]).view
                )
                let output = fixture.views([count, columns], dtype)
                #expect(
                    fixture.difference(
                        { .gather(table: pick(table, $0), indices: pick(indices, $0), output: pick(output, $0)) },
                        results: [output]) == 0)
                let skipping = numbers.enumerated().map { $0.offset % 5 == 4 ? -1 : $0.element }
                let targets = (
                    cpu: Runtime(fixture.cpu).tensor(skipping, [count]).view,
                    reference: Runtime(fixture.reference).tensor(skipping, [count]).view
                )
                #expect(
                    fixture.difference(
                        {
                            .scatterAdd(
                                source: pick(output, $0), indices: pick(targets, $0), table: pick(table, $0))
                        }, results: [table]) <= tolerance)
            }
        }
    }

    @Test func `random numbers are the Philox source's, bit for bit`() {
        let source = Philox(seed: 0x1234_5678_9abc_def0, stream: "dropout")
        for (count, first) in [(0, UInt64(0)), (1, 5), (37, 0xffff_fff0), (20_000, 1 << 40)] {
            let view = fixture.views([count]).cpu
            fixture.cpu.run(.random(source, first: first, view))
            let expected = (0..<count).map { Float(source.uniform(at: first + UInt64($0))) }
            #expect(Tensor(view, Runtime(fixture.cpu)).floats() == expected)
        }
    }

    @Test func `memory is reused, aligned and counted`() {
        let backend = CPUBackend(threads: 1)
        let first = backend.allocate(byteCount: 5000).address
        #expect(Int(bitPattern: first) % 64 == 0)
        #expect(backend.allocate(byteCount: 5000).address == first)
        #expect(backend.capabilities.peakByteCount >= 5000 && backend.capabilities.peakByteCount < 8000)
    }
}
