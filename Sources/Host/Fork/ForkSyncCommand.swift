import ArgumentParser
import Forks

/// `forktail fork sync`: carries the fork's changes over to a newer upstream.
struct ForkSyncCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Carry the fork's changes over to a tag or branch of upstream, and prove the result.",
        discussion: "A tag keeps what the branch was. Stops at a conflict with status 3; the branch moves last, once every "
            + "change's Verify passed.")

    @Argument(help: "A tag, branch or commit of upstream, e.g. v0.5.0 or upstream/main.")
    var target: String?

    @OptionGroup var going: RewriteOptions
    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let rewrite = Rewrite(repository)
        try await going.run(rewrite, target, called: "TARGET", to: output) { name in
            try await rewrite.sync(to: name, day: options.today)
        }
    }
}
