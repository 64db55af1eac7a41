/// A column of a sample that could not be read as what it was asked for.
public struct SampleError: Error, Sendable, CustomStringConvertible {
    /// The sample's ``Sample/id``.
    public let sample: String
    /// The column.
    public let column: String
    /// What was found, and what was expected.
    public let problem: String

    /// Names the sample, the column, and what is wrong with it.
    public init(sample: String, column: String, problem: String) {
        self.sample = sample
        self.column = column
        self.problem = problem
    }

    /// One sentence for the user.
    public var description: String { "cannot read column \"\(column)\" of sample \(sample): \(problem)" }
}
