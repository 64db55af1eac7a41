import ArgumentParser
import Forks

/// `forktail fork propose`: one change as upstream would see it.
struct ForkProposeCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "propose", abstract: "Make a branch with one change alone on upstream's, and the text of its pull request.",
        discussion: "Built and tested by the change's Verify in a temporary clone, without tags, trailers and other changes of "
            + "the fork. Nothing is pushed. Ends with status 3 when the change does not apply or fails alone.")

    @Argument(help: "The change.")
    var slug: String

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let outcome = try await Proposal.make(repository, slug)
        try output.line(outcome.text)
        guard case .ready = outcome else { throw CommandEnded(status: .answerIsNo) }
    }
}
