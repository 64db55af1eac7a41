/// A failure to load, train, save or apply a tokenizer or a chat template that the user can cause and mend.
public struct TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was, for callers that react to one kind.
    public enum Code: String, Sendable {
        /// A file does not exist or cannot be read.
        case missingFile
        /// A file is not UTF-8, not JSON, or lacks something its format requires.
        case malformedFile
        /// A file asks for a component that this module does not have.
        case unsupportedComponent
        /// An argument or an option has a value outside its range.
        case invalidArgument
        /// A file cannot be written.
        case unwritableFile
    }

    /// What kind of failure it was.
    public let code: Code
    /// What was attempted, what was found and what was expected.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// The message, followed by the hint in parentheses.
    public var description: String { "\(message) (\(hint))" }

    init(_ code: Code, _ message: String, hint: String) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
