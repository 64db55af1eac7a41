/// A version of the form 1.2.3 or 1.2.3-rc.1 (Semantic Versioning 2.0.0, without build metadata).
public struct SemanticVersion: Sendable, Hashable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public let patch: Int
    /// What follows the hyphen; empty for a release.
    public let preRelease: String

    /// nil when `text` has another form.
    public init?(_ text: String) {
        let halves = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = halves[0].split(separator: ".", omittingEmptySubsequences: false).map(SemanticVersion.number)
        guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else {
            return nil
        }
        let preRelease = halves.count == 2 ? halves[1] : ""
        let isWritten = preRelease.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
        guard halves.count == 1 || isWritten else { return nil }
        (self.major, self.minor, self.patch, self.preRelease) = (major, minor, patch, String(preRelease))
    }

    /// A whole number without sign or leading zeros.
    static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }), text == "0" || text.first != "0" else {
            return nil
        }
        return Int(text)
    }

    public var description: String { "\(major).\(minor).\(patch)" + (preRelease.isEmpty ? "" : "-\(preRelease)") }
}

/// The interface that a plugin needs: `major.minor`.
public struct InterfaceVersion: Sendable, Hashable, CustomStringConvertible {
    public let major: Int
    public let minor: Int

    public init(major: Int, minor: Int) { (self.major, self.minor) = (major, minor) }

    /// nil when `text` is not of the form 1.2.
    public init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map(SemanticVersion.number)
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        self.init(major: major, minor: minor)
    }

    /// Whether a plugin that needs this version works where `offered` is there.
    public func isMet(by offered: InterfaceVersion) -> Bool { major == offered.major && minor <= offered.minor }

    public var description: String { "\(major).\(minor)" }
}
