import ArgumentParser
import Forks
import JSON

/// `forktail fork plan`: what a sync would do.
struct ForkPlanCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "What a sync to a tag or branch of upstream would do; touches nothing.",
        discussion: "Works in a temporary clone. Ends with status 3 when a commit would be in conflict.")

    @Argument(help: "A tag, branch or commit of upstream, e.g. v0.5.0 or upstream/main.")
    var target: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let forecast = try await Forecast.make(repository, to: target)
        try output.line(json ? forecast.json.text : forecast.text)
        if forecast.hasConflicts { throw CommandEnded(status: .answerIsNo) }
    }
}
