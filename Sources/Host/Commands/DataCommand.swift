package import ArgumentParser

/// `forktail data ...`: makes, converts, checks and shows data sets.
package struct DataCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Make, convert, check and show data sets.",
        subcommands: [
            DataMakeCommand.self, DataShardCommand.self, DataInspectCommand.self, DataVerifyCommand.self,
            DataBenchCommand.self, DataCatCommand.self, DataOrderCommand.self,
        ])

    package init() {}
}
