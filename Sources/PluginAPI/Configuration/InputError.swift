/// One thing that is wrong with what the user gave.
public struct InputProblem: Sendable, Hashable, CustomStringConvertible {
    /// Where it is, e.g. "optimizer.lr" or a path.
    public let place: String
    /// What was found and what was expected.
    public let message: String
    /// What mends it, a command where there is one.
    public let fix: String?

    public init(_ place: String, _ message: String, fix: String? = nil) {
        self.place = place
        self.message = message
        self.fix = fix
    }

    public var description: String { "\(place): \(message)" + (fix.map { "\n    fix: \($0)" } ?? "") }
}

/// Input that cannot be used: every problem of it at once. The command ends with exit code 2.
public struct InputError: Error, Sendable, CustomStringConvertible {
    public let problems: [InputProblem]

    public init(_ problems: [InputProblem]) { self.problems = problems }
    public init(_ place: String, _ message: String, fix: String? = nil) {
        self.init([InputProblem(place, message, fix: fix)])
    }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
