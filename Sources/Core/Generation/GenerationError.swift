/// Requests that cannot be served.
public struct GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Each with the number of its request.
    public let problems: [String]

    public var description: String { "cannot generate: " + problems.joined(separator: "; ") }
}
