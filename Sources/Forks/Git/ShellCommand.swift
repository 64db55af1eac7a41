import Subprocess

/// A command line of a change's notes (`Verify`), run by `sh`.
package struct ShellCommand: Sendable, Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }

    /// How a command ended.
    package struct Ending: Sendable, Hashable {
        /// Its exit status; 128 plus the signal's number when a signal ended it.
        package let status: Int32
        /// Standard output and standard error, in the order written.
        package let output: String
    }

    /// Runs it in a folder, with nothing to read.
    /// - Throws: when `sh` cannot be started.
    package func run(in directory: String) async throws -> Ending {
        try await ShellCommand.sh(["-c", "cd -- \"$0\" && eval \"$1\"", directory, text])
    }

    /// What `sh` says of its grammar, nil when it can be read. Nothing runs.
    func grammarProblem() async throws -> String? {
        let ending = try await ShellCommand.sh(["-n", "-c", text])
        return ending.status == 0 ? nil : ending.output.split(separator: "\n").first.map(String.init) ?? "no command"
    }

    private static func sh(_ arguments: [String]) async throws -> Ending {
        let result = try await Subprocess.run(
            .name("sh"), arguments: Arguments(arguments), output: .bytes(limit: .max), error: .combinedWithOutput)
        return Ending(
            status: result.terminationStatus.number, output: String(decoding: result.standardOutput, as: UTF8.self))
    }
}
