/// What the command that verifies a change said.
package struct ChangeProof: Sendable, Hashable {
    package let slug: String
    /// nil where the entry has no `Verify`.
    package let command: String?
    /// The command's exit status; nil where there is no command.
    package let status: Int32?
    /// The end of what it printed.
    package let tail: String

    /// Whether there is a command and it passed.
    package var isFine: Bool { status == 0 }

    /// Runs the command that verifies a change.
    static func run(_ slug: String, _ entry: UpstreamEntry?, in directory: String) async throws -> ChangeProof {
        guard let command = entry?.verify else { return ChangeProof(slug: slug, command: nil, status: nil, tail: "") }
        let ending = try await ShellCommand(command).run(in: directory)
        return ChangeProof(
            slug: slug, command: command, status: ending.status, tail: ChangeProof.tail(ending.output))
    }

    /// The last 20 lines of an output.
    static func tail(_ output: String) -> String {
        output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            .reversed().drop { $0.isEmpty }.prefix(20).reversed().joined(separator: "\n")
    }
}
