/// What a run of git printed.
package struct GitOutput: Sendable {
    package let command: GitCommand
    /// Its exit status; 128 plus the signal's number when a signal ended it.
    package let status: Int32
    /// Its standard output.
    package let bytes: [UInt8]
    /// Its standard error.
    package let errors: String

    /// The output as text, without the line ends at its end.
    package var text: String {
        var end = bytes.count
        while end > 0, bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// The lines of the output.
    package var lines: [String] {
        text.isEmpty ? [] : text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The parts of an output of `-z`, each of which ends with a NUL.
    package var fields: [String] {
        var parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Throws: `GitError` when the status is not 0.
    func checked() throws -> GitOutput {
        guard status == 0 else {
            let said = errors.isEmpty ? text : errors
            throw GitError(
                command: command, status: status, message: said.split(separator: "\n").joined(separator: "\n"))
        }
        return self
    }
}

/// A run of git that failed where it should not have.
package struct GitError: Error, Sendable, CustomStringConvertible {
    package let command: GitCommand
    /// nil when git could not be started.
    package let status: Int32?
    /// What git said.
    package let message: String

    package var description: String {
        status.map { "'\(command)' failed with status \($0): \(message)" } ?? "'\(command)' failed: \(message)"
    }
}
