/// One thing that is wrong with a fork: where, what was found and what was expected, and what mends it.
package struct ForkProblem: Sendable, Hashable, CustomStringConvertible {
    /// Where it is: a line of UPSTREAM.md, a commit, a change; empty where the sentence says it.
    package let place: String
    /// What was attempted, what was found and what was expected.
    package let message: String
    /// The command that mends it, or what to write instead.
    package let fix: String?

    package init(_ place: String, _ message: String, fix: String? = nil) {
        self.place = place
        self.message = message
        self.fix = fix
    }

    package var description: String {
        (place.isEmpty ? message : "\(place): \(message)") + (fix.map { "\n    fix: \($0)" } ?? "")
    }
}

/// What keeps a command from working, every problem at once. The input is wrong: the command ends with exit code 2.
package struct ForkError: Error, Sendable, Hashable, CustomStringConvertible {
    package let problems: [ForkProblem]

    package init(_ problems: [ForkProblem]) { self.problems = problems }

    package init(_ place: String = "", _ message: String, fix: String? = nil) {
        self.init([ForkProblem(place, message, fix: fix)])
    }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
