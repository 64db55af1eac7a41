import ArgumentParser
import Foundation
import PluginAPI

/// `forktail launch`: a command on several ranks.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Run a command on several ranks, by Open MPI's mpirun.",
        discussion: """
            forktail launch -n 4 -- bench collectives
            forktail launch -n 16 --hosts node1:8,node2:8 -- train recipe.yaml
            """)

    @Option(name: .customShort("n"), help: "Ranks.")
    var ranks: Int

    @Option(help: "Machines and their slots, e.g. node1:8,node2:8; without, all ranks are on this one.")
    var hosts: String?

    @Option(help: "How many times to start again when a rank was lost.")
    var restarts = 0

    @Option(help: "How many machines there must be.")
    var expectNodes: Int?

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String] = []

    func run() throws {
        let plan = try LaunchPlan(ranks: ranks, hosts: hosts, expectedHosts: expectNodes, command: command)
        if restarts < 0 { throw InputError("--restarts", "found \(restarts), expected 0 or more") }
        let mpirun = try MPIRun.find(in: Machine.environment["PATH"] ?? "")
        if plan.hosts.isEmpty && ranks > Machine.coreCount {
            StandardError.write("note: \(ranks) ranks share \(Machine.coreCount) cores")
        }
        let arguments = plan.arguments(
            executable: Machine.executablePath, coreCount: Machine.coreCount, isRoot: getuid() == 0,
            variables: Machine.environment.keys.filter { $0.hasPrefix("FORKTAIL_") }.sorted())
        for attempt in 0...restarts {
            let status = LaunchCommand.meaning(of: try mpirun.run(arguments))
            if status == ExitStatus.done.rawValue { return }
            guard status == ExitStatus.peerLost.rawValue, attempt < restarts else {
                throw LaunchEnded(status: status)
            }
            StandardError.write("a rank was lost; start \(attempt + 2) of \(restarts + 1)")
        }
    }

    /// What a status of mpirun says: a rank that a signal ended is a lost peer, whatever number that gives.
    static func meaning(of status: Int32) -> Int32 {
        let stop = 128 + SIGINT
        return status > 128 && status != stop ? ExitStatus.peerLost.rawValue : status
    }
}

/// Ends `launch` with the status of the ranks, who have said everything.
struct LaunchEnded: Error {
    let status: Int32
}
