import ArgumentParser
import Forks
import PluginAPI

/// How a command that rewrites the fork's branch is gone on with.
struct RewriteOptions: ParsableArguments, Sendable {
    @Flag(name: .customLong("continue"), help: "Go on: the conflict is resolved and added, or what a proof found is committed.")
    var goesOn = false

    @Flag(help: "Leave the commit in conflict out, or go on without the proof that failed.")
    var skip = false

    @Flag(help: "Bring back the state before the command began.")
    var abort = false

    /// Begins with what `name` says, or does what the one flag that is given says.
    func run(
        _ rewrite: Rewrite, _ name: String?, called: String, to output: ResultOutput,
        begin: (String) async throws -> RewriteStop
    ) async throws {
        let flags = [("--continue", goesOn), ("--skip", skip), ("--abort", abort)].filter(\.1).map(\.0)
        let given = (name.map { [$0] } ?? []) + flags
        guard given.count == 1 else {
            let found = given.isEmpty ? "nothing" : given.joined(separator: " ")
            throw InputError(called, "found \(found), expected one of \(called), --continue, --skip, --abort")
        }
        if abort {
            let (branch, title) = try await rewrite.abort()
            return try output.line("the \(title) is undone; \(branch) is what it was")
        }
        let stop = if goesOn {
            try await rewrite.proceed()
        } else if skip {
            try await rewrite.skip()
        } else {
            try await begin(name ?? "")
        }
        switch stop {
        case .nothing(let text): try output.line(text)
        case .done(let report): try output.line(report.text)
        case .unproven(let report):
            try output.line(report.text)
            throw CommandEnded(status: .answerIsNo)
        case .conflict(let card):
            try output.line(card.text)
            throw CommandEnded(status: .answerIsNo)
        }
    }
}
