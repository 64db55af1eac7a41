/// One thing that `forktail fork check` found.
package struct CheckFinding: Sendable, Hashable, CustomStringConvertible, Encodable {
    /// The rule's number (Docs/forks.md).
    package let rule: Int
    /// A warning does not fail the check.
    package let isWarning: Bool
    package let place: String
    package let message: String
    package let fix: String?

    init(_ rule: Int, _ problem: ForkProblem, isWarning: Bool = false) {
        (self.rule, self.isWarning) = (rule, isWarning)
        (place, message, fix) = (problem.place, problem.message, problem.fix)
    }

    init(_ rule: Int, _ place: String, _ message: String, fix: String? = nil, isWarning: Bool = false) {
        self.init(rule, ForkProblem(place, message, fix: fix), isWarning: isWarning)
    }

    package var description: String {
        "\(isWarning ? "warning" : "error"): rule \(rule): \(ForkProblem(place, message, fix: fix))"
    }
}
