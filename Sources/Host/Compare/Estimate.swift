import Foundation
import JSON

/// A mean over runs and how sure it is.
package struct Estimate: Sendable {
    package let values: [Double]
    package let mean: Double
    /// Half the width of the 95 % interval by Student's t; nil for a single run.
    package let margin: Double?

    /// - Parameter values: at least one, one of each run.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "Estimate: no values")
        self.values = values
        mean = values.reduce(0, +) / Double(values.count)
        margin =
            values.count < 2
            ? nil
            : StudentT.quantile(0.95, degrees: Double(values.count - 1)) * Estimate.standardError(values, mean)
    }

    /// How much larger than `other`, with the 95 % interval of the difference (Welch, 1947); nil where either is a
    /// single run.
    package func difference(from other: Estimate) -> (mean: Double, margin: Double?) {
        let gap = mean - other.mean
        guard values.count > 1, other.values.count > 1 else { return (gap, nil) }
        let parts = [self, other].map { estimate -> (square: Double, degrees: Double) in
            let error = Estimate.standardError(estimate.values, estimate.mean)
            return (error * error, Double(estimate.values.count - 1))
        }
        let total = parts.reduce(0) { $0 + $1.square }
        guard total > 0 else { return (gap, 0) }
        let degrees = total * total / parts.reduce(0) { $0 + $1.square * $1.square / $1.degrees }
        return (gap, StudentT.quantile(0.95, degrees: max(1, degrees)) * total.squareRoot())
    }

    private static func standardError(_ values: [Double], _ mean: Double) -> Double {
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
    }

    var json: JSONValue {
        .object([
            .init("mean", .double(mean)), .init("margin", margin.map(JSONValue.double) ?? .null),
            .init("values", .array(values.map(JSONValue.double))),
        ])
    }

    /// "2.3131 +- 0.0213", as many digits as the margin can speak for.
    static func text(_ mean: Double, _ margin: Double?) -> String {
        guard let margin, margin > 0 else { return number(mean, digits: digits(of: abs(mean) / 100)) }
        let digits = digits(of: margin)
        return number(mean, digits: digits) + " +- " + number(margin, digits: digits)
    }

    /// How many decimals show two digits of `size`.
    private static func digits(of size: Double) -> Int {
        guard size > 0, size.isFinite else { return 4 }
        return max(0, min(8, 1 - Int(log10(size).rounded(.down))))
    }

    private static func number(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
