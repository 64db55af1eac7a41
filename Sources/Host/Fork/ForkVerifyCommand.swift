import ArgumentParser
import Forks

/// `forktail fork verify`: runs what verifies the fork's changes.
struct ForkVerifyCommand: ForkCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Run the Verify command of one change, or of every change.",
        discussion: "Ends with status 3 when one fails.")

    @Argument(help: "The change; every change where none is given.")
    var slug: String?

    @Flag(help: "Show also that it fails without the change, in a temporary clone where only the change's tests are left.")
    var prove = false

    @OptionGroup var options: ForkOptions

    func run(_ repository: ForkRepository, to output: ResultOutput) async throws {
        let verification = Verification(repository)
        var isFine = true
        if prove {
            for trial in try await verification.prove(slug) {
                try output.line(trial.text)
                isFine = isFine && trial.isProven
            }
        } else {
            for proof in try await verification.run(slug) {
                try output.line(proof.text)
                isFine = isFine && proof.isFine
            }
        }
        if !isFine { throw CommandEnded(status: .answerIsNo) }
    }
}
