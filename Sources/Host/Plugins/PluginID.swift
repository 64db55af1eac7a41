public import PluginAPI

/// The name of a plugin, or of one thing it provides: `publisher.kind.name`, all lower-case.
public struct PluginID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Who makes it; `core` is Forktail itself.
    public let publisher: String
    public let kind: PluginKind
    /// What recipes call it.
    public let name: String

    public init(publisher: String, kind: PluginKind, name: String) {
        self.publisher = publisher
        self.kind = kind
        self.name = name
    }

    /// Reads `publisher.kind.name`.
    /// - Throws: `InputProblem`'s message as a `PluginID.Malformed`.
    public init(_ text: String) throws(Malformed) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else {
            throw Malformed(message: "found '\(text)', expected publisher.kind.name, for example 'acme.trainer.grpo'")
        }
        for part in [parts[0], parts[2]] where !PluginID.isWord(part) {
            throw Malformed(
                message: "found '\(part)' in '\(text)', expected lower-case letters, digits, '-' and '_', a letter first")
        }
        self.init(publisher: parts[0], kind: try PluginID.kind(parts[1]), name: parts[2])
    }

    /// A kind by its name.
    static func kind(_ text: String) throws(Malformed) -> PluginKind {
        if let kind = PluginKind(rawValue: text) { return kind }
        let names = PluginKind.allCases.map(\.rawValue)
        let near = NearestName.of(text, in: names).map { "did you mean '\($0)'?" }
        throw Malformed(
            message: "unknown kind '\(text)'; \(near ?? "the kinds are \(names.joined(separator: ", "))")")
    }

    /// Whether `text` can be a publisher or a name.
    static func isWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }

    public var description: String { "\(publisher).\(kind.rawValue).\(name)" }
    public static func < (a: PluginID, b: PluginID) -> Bool { a.description < b.description }

    /// Text that is no id.
    public struct Malformed: Error, Sendable {
        /// What was found and what was expected.
        public let message: String
    }
}
