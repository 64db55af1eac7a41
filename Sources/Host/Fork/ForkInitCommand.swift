import ArgumentParser
import Forks

/// `forktail fork init`: makes a clone a fork.
struct ForkInitCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make this clone a fork: the remote upstream, helpful settings, UPSTREAM.md.",
        discussion: "Repeating it does what is missing: a second clone of a fork gets its remote this way.")

    @Argument(help: "Where upstream is fetched from.")
    var url: String

    @Option(help: "The tag or commit of upstream that the fork stands on (default: where the two part).")
    var base: String?

    @Option(help: "Upstream's branch to follow (default: its main one).")
    var track: String?

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let done = try await ForkInit(repository, url: url, tracking: track, base: base, today: options.today).run()
        for line in done { try output.line(line) }
        try output.line("next: forktail fork status")
    }
}
