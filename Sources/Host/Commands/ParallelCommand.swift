import ArgumentParser

/// `forktail parallel ...`
struct ParallelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parallel", abstract: "Layouts of several ranks: what fits, and what other tools' files ask for.",
        subcommands: [ParallelVerifyCommand.self])
}
