import ArgumentParser
import Forks

/// `forktail fork check`: whether the fork keeps its rules.
struct ForkCheckCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Whether the fork keeps the rules of Docs/forks.md.",
        discussion: "Ends with status 3 when it does not. In upstream itself, whose UPSTREAM.md says 'Upstream: none', "
            + "there is nothing to check.")

    @Flag(help: "Fetch upstream first, adding the remote where a fresh clone has none.")
    var ci = false

    @Flag(help: "Print one JSON array.")
    var json = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        if ci { try await repository.fetchUpstream() }
        let findings = try await ForkCheck.run(repository, today: options.today)
        let errors = findings.filter { !$0.isWarning }.count
        if json {
            try output.json(findings)
        } else {
            for finding in findings { try output.line("\(finding)") }
            let isUpstream = try findings.isEmpty && repository.upstreamFile().header == nil
            try output.line(
                isUpstream
                    ? "this is upstream itself: nothing to check"
                    : "fork check: errors: \(errors), warnings: \(findings.count - errors)")
        }
        if errors > 0 { throw CommandEnded(status: .answerIsNo) }
    }
}
