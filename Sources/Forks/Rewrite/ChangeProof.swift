/// What the command that verifies a change said.
package struct ChangeProof: Sendable, Hashable {
    package let slug: String
    /// nil where the entry has no `Verify`.
    package let command: String?
    /// The command's exit status; nil where there is no command.
    package let status: Int32?
    /// The end of what it printed.
    package let tail: String

    package init(slug: String, command: String?, status: Int32?, tail: String) {
        (self.slug, self.command, self.status, self.tail) = (slug, command, status, tail)
    }

    /// Whether nothing speaks against the change: its command passed, or it has none.
    package var isFine: Bool { status == nil || status == 0 }

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
