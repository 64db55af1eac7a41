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

    /// Why it could not be run in a folder: its grammar, or a program that is not there. Nothing runs.
    /// - Returns: nil when nothing is known to be in the way.
    package func problem(in directory: String) async throws -> String? {
        let grammar = try await ShellCommand.sh(["-n", "-c", text])
        guard grammar.status == 0 else {
            return grammar.output.split(separator: "\n").first.map(String.init) ?? "it is no command"
        }
        // Settings of variables may stand before the program.
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let program = words.first(where: { $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*=.*/) == nil }) else {
            return "it names no program"
        }
        // What the shell expands is known only when it runs.
        guard !program.contains(where: { "$`(\"'\\*{!".contains($0) }) else { return nil }
        let there = try await ShellCommand.sh(["-c", "cd -- \"$0\" && command -v -- \"$1\"", directory, program])
        return there.status == 0 ? nil : "there is no program '\(program)'"
    }

    private static func sh(_ arguments: [String]) async throws -> Ending {
        let result = try await Subprocess.run(
            .name("sh"), arguments: Arguments(arguments), output: .bytes(limit: .max), error: .combinedWithOutput)
        return Ending(
            status: result.terminationStatus.number, output: String(decoding: result.standardOutput, as: UTF8.self))
    }
}
