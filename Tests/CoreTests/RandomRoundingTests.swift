import Core
import Random
import Testing

/// Rounding to bfloat16 at random.
@Suite struct RandomRoundingTests {
    private let source = Philox(seed: 7, stream: "rounding")

    @Test(arguments: [1, 15, 16, 100, 127, 128, 129, 1000, 20_000], [UInt64(0), 5, 16, 130, 1 << 40])
    func `rounds as the reference does, bit for bit`(count: Int, first: UInt64) {
        var numbers = (0..<count).map { Float(source.normal(at: UInt64($0))) }
        let special: [Float] = [
            0, -0.0, Float(bitPattern: 0x11_6C2), -.leastNonzeroMagnitude, .infinity, -.infinity,
            .greatestFiniteMagnitude, -3.3895e38, 3.38953e38, 1, -2, .nan,
        ]
        for (index, number) in special.enumerated() where index < count { numbers[index] = number }
        func rounded(_ backend: any Backend) -> [Double] {
            let runtime = Runtime(backend)
            let result = runtime.empty([count], .bfloat16)
            runtime.run(.round(runtime.tensor(numbers, [count]).view, to: result.view, source, first: first))
            return result.doubles()
        }
        let (found, expected) = (rounded(CPUBackend(threads: 3)), rounded(ReferenceBackend()))
        #expect(zip(found, expected).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
    }

    @Test func `is right on average`() {
        let runtime = Runtime(CPUBackend(threads: 2))
        // 0.3 of the way from 1 to the next bfloat16, 1 + 2^-7.
        let value = Float(1 + 0.3 * 0x1p-7)
        let count = 1 << 20
        let result = runtime.empty([count], .bfloat16)
        runtime.run(.round(runtime.full([count], .float32, Double(value)).view, to: result.view, source, first: 0))
        let values = result.doubles()
        #expect(Set(values) == [1, 1 + 0x1p-7])
        let share = Double(values.count { $0 > 1 }) / Double(count)
        // The standard deviation of the share is 0.00045; a step of 1/65536 is 0.000015.
        #expect(abs(share - 0.3) < 0.002)
    }

    @Test func `numbers depend on the element, not on how a range is cut`() {
        let runtime = Runtime(CPUBackend(threads: 2))
        let numbers = runtime.tensor((0..<3000).map { Float(source.normal(at: UInt64($0))) }, [3000])
        let (whole, parts) = (runtime.empty([3000], .bfloat16), runtime.empty([3000], .bfloat16))
        runtime.run(.round(numbers.view, to: whole.view, source, first: 50))
        for range in [0..<1, 1..<700, 700..<701, 701..<3000] {
            runtime.run(
                .round(
                    numbers.view.sliced(dim: 0, range), to: parts.view.sliced(dim: 0, range), source,
                    first: 50 + UInt64(range.lowerBound)))
        }
        #expect(whole.doubles() == parts.doubles())
    }
}
