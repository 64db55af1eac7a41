import ArgumentParser

/// `forktail parallel ...`
struct ParallelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parallel",
        abstract: "Layouts of several ranks: what fits, whether it gives the same model, what other tools' files ask for.",
        subcommands: [ParallelPlanCommand.self, ParallelVerifyCommand.self, ParallelImportCommand.self])
}
