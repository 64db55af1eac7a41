/// What is wrong with a file or directory of weights that somebody supplied: all problems of one input together.
public struct WeightsError: Error, Sendable, CustomStringConvertible {
    /// What was attempted, naming the path.
    public let attempt: String
    /// Each problem: what was found and what was expected.
    public let problems: [String]
    /// What to do about it.
    public let hint: String?

    /// - Parameters:
    ///   - attempt: e.g. "reading model.safetensors".
    ///   - problems: at least one.
    ///   - hint: what to do, a command where there is one.
    public init(_ attempt: String, _ problems: [String], hint: String? = nil) {
        self.attempt = attempt
        self.problems = problems
        self.hint = hint
    }

    public var description: String {
        if problems.count == 1 { return "\(attempt): \(problems[0])" + (hint.map { "; " + $0 } ?? "") }
        return "\(attempt):" + problems.map { "\n  - " + $0 }.joined() + (hint.map { "\n" + $0 } ?? "")
    }
}
