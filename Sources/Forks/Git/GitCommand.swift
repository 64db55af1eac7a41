/// One run of git, as a user would type it.
package struct GitCommand: Sendable, Hashable, CustomStringConvertible {
    package let arguments: [String]
    /// Whether it changes the repository, the work tree or a remote.
    package let changes: Bool

    /// The command for a shell.
    package var description: String { (["git"] + arguments).map(ShellWord.quoted).joined(separator: " ") }
}

/// A word of a shell's command.
package enum ShellWord {
    /// `word` so that a shell reads it as it is.
    package static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./:=@%+,^~".utf8.contains(byte)
            }
        }
        guard !plain || word.isEmpty || word.hasPrefix("~") else { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
