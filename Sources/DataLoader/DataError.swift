/// Data, or a request about data, that is wrong: what was attempted, what was found, what was expected, what to do.
public struct DataError: Error, Sendable, CustomStringConvertible {
    /// One sentence that starts in lower case.
    public let message: String
    /// What to do about it; a command when there is one.
    public let hint: String?

    /// A sentence, and optionally what to do.
    public init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    /// The sentence and the hint.
    public var description: String { hint.map { "\(message); \($0)" } ?? message }
}
