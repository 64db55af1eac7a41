import ArgumentParser
import Forks

/// `forktail fork drop`: takes a change out of the fork.
struct ForkDropCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Take one change out of the fork: its commits and its entry.",
        discussion: "The other changes are carried over to the same base and their Verify runs. A tag keeps what the branch "
            + "was. Stops with status 3 at a commit that builds on the change.")

    @Argument(help: "The change.")
    var slug: String?

    @OptionGroup var going: RewriteOptions
    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let rewrite = Rewrite(repository)
        try await going.run(rewrite, slug, called: "SLUG", to: output) { name in
            try await rewrite.drop(name, day: options.today)
        }
    }
}
