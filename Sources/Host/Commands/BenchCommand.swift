import ArgumentParser

/// `forktail bench ...`: the figures of this machine.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Figures of this machine.",
        subcommands: [
            BenchTrainCommand.self, BenchGenerateCommand.self, BenchTokenizeCommand.self, BenchDataCommand.self,
            BenchKernelsCommand.self, BenchCollectivesCommand.self, BenchPipelineCommand.self,
        ])
}
