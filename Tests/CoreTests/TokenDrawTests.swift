import Core
import Foundation
import Random
import Testing

/// Drawing tokens, the kernel against the plain sampler in float64.
@Suite struct TokenDrawTests {
    private let cpu = Runtime(CPUBackend(threads: 2))
    private let reference = Runtime(ReferenceBackend())

    private func draw(
        _ logits: [Float], _ rows: [TokenDraw.Row], on runtime: Runtime
    ) -> (ids: [Int32], logProbs: [Double]) {
        let tensor = runtime.tensor(logits, [rows.count, logits.count / rows.count])
        let (ids, logProbs) = (runtime.empty([rows.count], .int32), runtime.empty([rows.count], .float32))
        runtime.run(.drawTokens(TokenDraw(logits: tensor.view, rows: rows, ids: ids.view, logProbs: logProbs.view)))
        return (ids.int32s(), logProbs.doubles())
    }

    private static let settings: [TokenDraw.Row] = [
        .init(temperature: 0, uniform: 0), .init(temperature: 1, uniform: 0), .init(temperature: 0.3, uniform: 0),
        .init(temperature: 1, topK: 1, uniform: 0), .init(temperature: 1.5, topK: 7, uniform: 0),
        .init(temperature: 1, topP: 0.9, uniform: 0), .init(temperature: 0.7, topP: 0.2, uniform: 0),
        .init(temperature: 1, topK: 20, topP: 0.5, uniform: 0), .init(temperature: 1, minP: 0.1, uniform: 0),
        .init(temperature: 2, topK: 9, topP: 0.8, minP: 0.3, uniform: 0), .init(temperature: 1, minP: 1, uniform: 0),
        .init(temperature: 1, topK: 1 << 40, topP: 1, minP: 0, uniform: 0),
        .init(temperature: 1, topP: 0.6, repetitionPenalty: 1.7, seen: [0, 3, 2], uniform: 0),
        .init(temperature: 0, repetitionPenalty: 3, seen: [0, 1, 2, 3, 4], uniform: 0),
    ]

    @Test("every setting draws the tokens that the plain sampler draws", arguments: [5, 16, 1000, 2500, 49152])
    func plain(vocabulary: Int) {
        let source = Philox(seed: 4, stream: "logits")
        let draws = vocabulary > 10000 ? 3 : 40
        let rows = (0..<draws).flatMap { index in
            Self.settings.map { setting in
                var row = setting
                row.uniform = source.uniform(at: UInt64(1 << 40 + index))
                return row
            }
        }
        let logits = (0..<rows.count * vocabulary).map { Float(source.normal(at: UInt64($0)) * 3) }
        let found = draw(logits, rows, on: cpu)
        let expected = draw(logits, rows, on: reference)
        var different = 0
        for index in rows.indices {
            // A number that falls between two tokens may go to either.
            if found.ids[index] != expected.ids[index] { different += 1; continue }
            #expect(abs(found.logProbs[index] - expected.logProbs[index]) < 2e-5, "\(rows[index])")
        }
        #expect(different <= rows.count / 100)
    }

    @Test("equal logits are ordered by token")
    func ties() {
        let logits = [Float](repeating: 2, count: 40) + [-1, 2]
        let rows: [TokenDraw.Row] = [
            .init(temperature: 0, uniform: 0), .init(temperature: 1, topK: 3, uniform: 0.99),
            .init(temperature: 1, topP: 0.5, uniform: 0.999), .init(temperature: 1, minP: 0.5, uniform: 0.9999),
        ]
        for runtime in [cpu, reference] {
            let drawn = draw((0..<4).flatMap { _ in logits }, rows, on: runtime)
            #expect(drawn.ids == [0, 2, 20, 41])
            #expect(abs(drawn.logProbs[1] + log(3)) < 1e-6)
        }
    }

    @Test("a penalty divides positive logits of seen tokens and multiplies negative ones")
    func penalty() {
        for runtime in [cpu, reference] {
            let row = TokenDraw.Row(temperature: 0, repetitionPenalty: 2, seen: [0, 2], uniform: 0)
            let drawn = draw([3, 2, -1, 0], [row], on: runtime)
            let total = exp(1.5) + exp(2) + exp(-2) + 1.0
            #expect(drawn.ids == [1])
            #expect(abs(drawn.logProbs[0] - (2 - log(total))) < 1e-6)
        }
    }

    @Test("what is left out is never drawn, and the rest as often as its probability says")
    func frequencies() {
        let logits: [Float] = [0, 2, 1, -3, 1.5, -1]
        let count = 4000
        let source = Philox(seed: 8, stream: "frequencies")
        // min-p 0.3 keeps tokens 1, 2 and 4: exp(-1) and exp(-0.5) of the largest are above it, exp(-2) is not.
        let kept: [Int: Double] = [1: exp(2), 2: exp(1), 4: exp(1.5)]
        let rows = (0..<count).map { TokenDraw.Row(temperature: 1, minP: 0.3, uniform: source.uniform(at: UInt64($0))) }
        let drawn = draw(rows.flatMap { _ in logits }, rows, on: cpu)
        let total = kept.values.reduce(0, +)
        for id in logits.indices {
            let probability = (kept[id] ?? 0) / total
            let share = Double(drawn.ids.count { $0 == Int32(id) }) / Double(count)
            #expect(abs(share - probability) <= 4.5 * (probability * (1 - probability) / Double(count)).squareRoot())
        }
    }
}
