/// Text that is not JSON.
public struct JSONError: Error, Sendable, CustomStringConvertible {
    /// The offset in bytes of the first byte that does not fit.
    public let offset: Int
    /// What was expected there.
    public let expected: String

    package init(offset: Int, expected: String) {
        self.offset = offset
        self.expected = expected
    }

    /// One sentence for the user.
    public var description: String { "expected \(expected) at byte \(offset)" }
}
