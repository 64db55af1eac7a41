@_exported public import Core
@_exported public import PluginAPI

/// What a plugin does that its kind's contract rules out.
public struct ContractViolation: Error, Sendable, CustomStringConvertible {
    /// One sentence each.
    public let problems: [String]

    public var description: String { problems.joined(separator: "\n") }

    /// - Throws: itself, when there are problems.
    static func check(_ problems: [String]) throws {
        if !problems.isEmpty { throw ContractViolation(problems: problems) }
    }
}
