import Core
import Foundation
import Testing

@Suite struct LogitSumsTests {
    private let runtime = Runtime(ReferenceBackend())

    /// [5, 1] of some logits, one at a time.
    private func sums(_ logits: [Double], target: Int?) -> [Double] {
        var sums = LogitSums.start
        for (index, z) in logits.enumerated() { sums = merged(sums, [z, 1, 0, z, index == target ? z : 0]) }
        return sums
    }

    private func merged(_ a: [Double], _ b: [Double]) -> [Double] {
        let program = Program(inputs: 10) { x, _ in LogitSums(rows: x[0..<5]).merging(LogitSums(rows: x[5..<10])).rows }
        let inputs = (a + b).map { runtime.tensor([$0], [1]).view }
        let outputs = (0..<5).map { _ in runtime.empty([1], .float64) }
        runtime.run(.map(program, inputs: inputs, outputs: outputs.map(\.view), scalars: []))
        return outputs.flatMap { $0.doubles() }
    }

    @Test func `parts of a vocabulary merge to the whole in any order`() {
        let logits = [0.5, -3, 2, 40, 41, -700]
        let whole = sums(logits, target: 3)
        let (left, right) = (sums(Array(logits[..<2]), target: nil), sums(Array(logits[2...]), target: 1))
        // e^-1 for 40 beside 41, and next to nothing for the others.
        let small = [0.5, -3, 2, -700].map { $0 - 41 }
        let total = 1 + exp(-1) + small.map(exp).reduce(0, +)
        let weighted = -exp(-1) + small.map { exp($0) * $0 }.reduce(0, +)
        for found in [whole, merged(left, right), merged(right, left)] {
            for (a, b) in zip(found, [41, total, weighted, -619.5, 40]) { #expect(abs(a - b) < 1e-12, "\(found)") }
        }
    }

    @Test func `a part in which nothing was seen changes nothing`() {
        let some = sums([1, 2], target: 0)
        #expect(merged(LogitSums.start, some) == some && merged(some, LogitSums.start) == some)
    }
}
