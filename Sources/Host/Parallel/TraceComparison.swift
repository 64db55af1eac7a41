import Core
import Foundation
import JSON

/// How far a laid-out run is from the run of one rank.
struct TraceComparison {
    /// What may differ.
    struct Tolerance {
        let loss: Double
        let gradientNorm: Double
        /// Of a parameter or state, relative to the largest of its tensor.
        let tensor: Double
        /// Added to that, for parameters.
        let absolute: Double

        /// - Parameter lr: the largest learning rate of the run.
        init(_ precision: Precision, lr: Double) {
            let isWide = precision == .float64
            (loss, gradientNorm) = isWide ? (1e-9, 1e-9) : (1e-5, 1e-4)
            // Updates of elements whose gradients are noise have random signs in float32.
            (tensor, absolute) = isWide ? (1e-9, 0) : (1e-3, 0.1 * lr)
        }
    }

    /// A line of the table.
    struct Row {
        let what: String
        let difference: Double
        let allowed: Double
        /// Where the largest difference is.
        let place: String

        var holds: Bool { difference <= allowed }
    }

    private(set) var rows: [Row] = []
    /// The first tensor, in the order of steps, that is further off than allowed.
    private(set) var firstDivergence: String?

    var holds: Bool { rows.allSatisfy(\.holds) }

    /// - Parameters:
    ///   - whole: of one rank.
    ///   - parts: of the ranks of a layout.
    init(_ whole: RunTrace, _ parts: [RunTrace], _ tolerance: Tolerance) {
        compare("initial weights", whole.initial, parts.flatMap(\.initial), relative: 0, absolute: 0, step: 0)
        for (index, step) in whole.steps.enumerated() {
            let found = parts.map { $0.steps[index] }
            func add(_ what: String, _ expected: Double, _ values: [Double], _ allowed: Double) {
                let difference = values.map { abs($0 - expected) / max(abs(expected), 1e-30) }.reduce(0, TraceComparison.largest)
                rows.append(Row(what: "step \(index + 1): \(what)", difference: difference, allowed: allowed, place: ""))
            }
            add("loss", step.loss, found.map(\.loss), tolerance.loss)
            add("gradient norm", step.gradientNorm, found.map(\.gradientNorm), tolerance.gradientNorm)
            compare(
                "step \(index + 1): weights", step.weights, found.flatMap(\.weights), relative: tolerance.tensor,
                absolute: tolerance.absolute, step: index + 1)
        }
        compare(
            "optimizer states at the end", whole.states, parts.flatMap(\.states), relative: tolerance.tensor, absolute: 0,
            step: whole.steps.count)
    }

    /// A nan is the largest difference of all.
    private static func largest(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : max(a, b) }

    private mutating func compare(
        _ what: String, _ whole: [RunTrace.Piece], _ parts: [RunTrace.Piece], relative: Double, absolute: Double, step: Int
    ) {
        var (worst, place) = (0.0, "")
        var covered: [RunTrace.Key: Int] = [:]
        let expected = Dictionary(uniqueKeysWithValues: whole.map { ($0.key, $0) })
        for part in parts {
            covered[part.key, default: 0] += part.values.count
            guard let tensor = expected[part.key], tensor.shape == part.shape else {
                (worst, place) = (.nan, "\(part.key), which one rank does not have")
                continue
            }
            let scale = tensor.values.reduce(0) { max($0, abs($1)) } + (relative > 0 ? absolute / relative : 0)
            let box = Box(offset: part.offset, size: part.size)
            let difference = TraceComparison.difference(tensor.values, part.values, box, in: part.shape)
            let found = difference == 0 ? 0 : difference / max(scale, 1e-30)
            if !(found <= worst) { (worst, place) = (found, "\(part.key)") }
            if !(found <= relative), firstDivergence == nil { firstDivergence = "\(part.key) at step \(step)" }
        }
        // Each element is spoken for by one rank.
        for tensor in whole where covered[tensor.key] != tensor.values.count {
            (worst, place) = (.nan, "\(tensor.key): \(covered[tensor.key] ?? 0) of \(tensor.values.count) elements")
            if firstDivergence == nil { firstDivergence = place }
        }
        rows.append(Row(what: what, difference: worst, allowed: relative, place: place))
    }

    private static func difference(_ whole: [Double], _ part: [Double], _ box: Box, in shape: [Int]) -> Double {
        var worst = 0.0
        let (length, start) = box.runs(in: shape)
        for (index, value) in part.enumerated() {
            worst = largest(worst, abs(value - whole[start(index / length) + index % length]))
        }
        return worst
    }

    /// The largest difference of all rows.
    var largestText: String { TraceComparison.number(rows.map(\.difference).reduce(0, TraceComparison.largest)) }

    private static func number(_ x: Double) -> String { x == 0 ? "0" : x.isNaN ? "not a number" : String(format: "%.1e", x) }

    /// The table, aligned.
    var text: String {
        let cells = rows.map {
            [
                $0.what, TraceComparison.number($0.difference),
                $0.allowed == 0 ? "equal" : TraceComparison.number($0.allowed), $0.holds ? "ok" : "DIFFERS",
                $0.difference == 0 ? "" : $0.place,
            ]
        }
        return TextTable(header: ["what", "largest difference", "allowed", "", "where"], rows: cells).text
    }

    var json: JSONValue {
        .object([
            .init("holds", .bool(holds)),
            .init("first_divergence", firstDivergence.map { .string($0) } ?? .null),
            .init(
                "rows",
                .array(
                    rows.map {
                        .object([
                            .init("what", .string($0.what)),
                            .init("difference", $0.difference.isNaN ? .null : .double($0.difference)),
                            .init("allowed", .double($0.allowed)), .init("holds", .bool($0.holds)),
                            .init("where", .string($0.place)),
                        ])
                    })),
        ])
    }
}
