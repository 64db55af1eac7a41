public import ArgumentParser

/// `forktail fork`.
public struct ForkGroup: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "Keep a fork of the framework current, and send changes back (Docs/forks.md).",
        subcommands: [
            ForkInitCommand.self, ForkStatusCommand.self, ForkLogCommand.self, ForkDiffCommand.self,
            ForkStatsCommand.self, ForkCheckCommand.self, ForkExportCommand.self, ForkImportCommand.self,
            ForkPlanCommand.self, ForkSyncCommand.self, ForkProposeCommand.self, ForkDropCommand.self,
            ForkVerifyCommand.self,
        ])

    public init() {}
}
