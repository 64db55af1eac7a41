import Core
import Foundation
import JSON
import Random
import Testing

/// 8-bit blocks against their composition on the reference, and against bitsandbytes (Tests/Reference/quantized.py).
@Suite struct QuantizedBlocksTests {
    private let fixture = CPUFixture()

    static let counts = [0, 1, 7, 255, 256, 257, 1000, 1024, 5000]

    @Test(arguments: counts, [true, false])
    func `coding and decoding are the composition's`(count: Int, isSigned: Bool) {
        let numbers = spread(count, isSigned: isSigned)
        let cpu = coded(numbers, isSigned, Runtime(fixture.cpu))
        let reference = coded(numbers, isSigned, Runtime(fixture.reference))
        #expect(codes(cpu, fixture.cpu) == codes(reference, fixture.reference))
        #expect(scales(cpu, fixture.cpu) == scales(reference, fixture.reference))
        let (found, expected) = (decoded(cpu, Runtime(fixture.cpu)), decoded(reference, Runtime(fixture.reference)))
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 2e-7 * abs(b)) }
    }

    @Test(arguments: [true, false]) func `coding what was decoded changes nothing`(isSigned: Bool) {
        let numbers = spread(3000, isSigned: isSigned).map { $0 * 3e-30 }
        for backend in [fixture.cpu, fixture.reference] as [any Backend] {
            let runtime = Runtime(backend)
            let once = coded(numbers, isSigned, runtime)
            let twice = coded(decoded(once, runtime), isSigned, runtime)
            #expect(codes(once, backend) == codes(twice, backend))
            #expect(scales(once, backend) == scales(twice, backend))
        }
    }

    @Test func `a number that is not zero stays so where there are no signs`() {
        let runtime = Runtime(fixture.cpu)
        let numbers = [1.0] + (1..<256).map { pow(10, -Double($0) / 8) }
        let kept = decoded(coded(numbers, false, runtime), runtime)
        #expect(kept.allSatisfy { $0 > 0 })
        // The least number of the code is 0.1e-6 and half a bin.
        #expect(kept.last.map { abs($0 - 3.25e-7) < 1e-12 } == true)
        #expect(kept[0] == 1)
        #expect(decoded(coded(numbers.map { -$0 }, true, runtime), runtime)[0] == -1)
    }

    @Test func `blocks without size become zeros, blocks that are not finite become NaN`() {
        let runtime = Runtime(fixture.cpu)
        var numbers = [Double](repeating: 1e-31, count: 256) + [Double](repeating: 0.5, count: 512)
        numbers[300] = .nan
        numbers[600] = -.infinity
        let kept = decoded(coded(numbers, true, runtime), runtime)
        #expect(kept[..<256].allSatisfy { $0 == 0 })
        #expect(kept[256...].allSatisfy { $0.isNaN })
    }

    @Test func `zeros are zeros, and slices start blocks`() {
        let runtime = Runtime(fixture.cpu)
        for isSigned in [true, false] {
            let zeros = QuantizedBlocks.zeros(300, isSigned: isSigned, runtime)
            #expect(decoded(zeros, runtime).allSatisfy { $0 == 0 })
        }
        let numbers = spread(1000, isSigned: true)
        let whole = coded(numbers, true, runtime)
        let slice = Array(decoded(whole, runtime)[512..<900])
        #expect(decoded(whole.sliced(512..<900), runtime) == slice)
    }

    /// bitsandbytes on the CPU looks small numbers up in a table and misses the nearest code for some.
    @Test(arguments: ["signed", "unsigned"]) func `codes are those of bitsandbytes, or nearer`(name: String) throws {
        let golden = try QuantizedGolden()
        let isSigned = name == "signed"
        let table = isSigned ? DynamicCode.signed : .nonnegative
        #expect(zip(table.numbers, golden.numbers("tables", name)).allSatisfy { abs($0 - $1) <= 1e-7 })
        let runtime = Runtime(fixture.cpu)
        let numbers = golden.numbers(name, "numbers")
        let blocks = coded(numbers, isSigned, runtime)
        #expect(scales(blocks, fixture.cpu) == golden.numbers(name, "scales"))
        let found = codes(blocks, fixture.cpu), theirs = golden.numbers(name, "codes")
        let same = zip(found, theirs).count { $0 == $1 }
        #expect(Double(same) >= 0.75 * Double(numbers.count))
        let decoded = decoded(blocks, runtime), other = golden.numbers(name, "decoded")
        for index in numbers.indices where found[index] == theirs[index] {
            #expect(abs(decoded[index] - other[index]) <= 4e-7 * abs(other[index]))
        }
        for index in numbers.indices where found[index] != theirs[index] {
            #expect(abs(decoded[index] - numbers[index]) < abs(other[index] - numbers[index]))
        }
    }

    // MARK: helpers

    /// Magnitudes over eight decades.
    private func spread(_ count: Int, isSigned: Bool) -> [Double] {
        let source = Philox(seed: 5, stream: "spread")
        return (0..<count).map {
            let size = pow(10, -8 * source.uniform(at: UInt64($0)))
            return Double(Float(isSigned && source.integer(at: UInt64($0) + 9999, below: 2) == 0 ? -size : size))
        }
    }

    private func coded(_ numbers: [Double], _ isSigned: Bool, _ runtime: Runtime) -> QuantizedBlocks {
        let blocks = QuantizedBlocks.zeros(numbers.count, isSigned: isSigned, runtime)
        let source = runtime.tensor(numbers, [numbers.count], .float32)
        runtime.run(
            .storedMap(StoredMap(.identity, inputs: [.numbers(source.view)], outputs: [.blocks(blocks)])))
        return blocks
    }

    private func decoded(_ blocks: QuantizedBlocks, _ runtime: Runtime) -> [Double] {
        let result = runtime.empty([blocks.elementCount], .float32)
        runtime.run(
            .storedMap(StoredMap(.identity, inputs: [.blocks(blocks)], outputs: [.numbers(result.view)])))
        return result.doubles()
    }

    private func codes(_ blocks: QuantizedBlocks, _ backend: any Backend) -> [Double] {
        fixture.doubles(blocks.codes, on: backend)
    }

    private func scales(_ blocks: QuantizedBlocks, _ backend: any Backend) -> [Double] {
        fixture.doubles(blocks.scales, on: backend)
    }
}

/// Values of bitsandbytes.
struct QuantizedGolden {
    private let json: JSONValue

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/goldens/quantized.json")
        json = try JSONValue(parsing: String(contentsOf: file, encoding: .utf8))
    }

    func numbers(_ section: String, _ key: String) -> [Double] {
        json[section]?[key]?.array?.compactMap(\.double) ?? []
    }

    func number(_ section: String, _ key: String) -> Double { json[section]?[key]?.double ?? .nan }
}
