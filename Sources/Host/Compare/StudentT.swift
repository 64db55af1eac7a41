import Foundation

/// Student's t distribution ("The probable error of a mean", 1908).
package enum StudentT {
    /// The t with P(|T| < t) = `confidence`.
    ///
    /// With T = sqrt(f) tan(a), the density of a is proportional to cos(a)^(f-1) on [0, pi/2), which is summed by the midpoint
    /// rule until it holds the share asked for. Within 1e-4 of tables.
    /// - Parameters:
    ///   - confidence: between 0 and 1.
    ///   - degrees: degrees of freedom, at least 1; need not be whole.
    package static func quantile(_ confidence: Double, degrees: Double) -> Double {
        precondition(degrees >= 1 && confidence > 0 && confidence < 1, "StudentT: no such quantile")
        // Beyond this angle the density is below 1e-17 of its peak.
        let limit = min(Double.pi / 2, (80 / degrees).squareRoot())
        let cells = 20_000
        let width = limit / Double(cells)
        let densities = (0..<cells).map { cell in pow(cos((Double(cell) + 0.5) * width), degrees - 1) }
        var rest = confidence * densities.reduce(0, +)
        for (cell, density) in densities.enumerated() {
            if rest <= density { return degrees.squareRoot() * tan((Double(cell) + rest / density) * width) }
            rest -= density
        }
        return degrees.squareRoot() * tan(limit)
    }
}
