import ArgumentParser
import Foundation
import PluginAPI

/// `forktail launch`: a command on several ranks.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Run a command on several ranks, by Open MPI's mpirun (Docs/launch.md).",
        discussion: """
            forktail launch -n 4 -- bench collectives
            forktail launch -n 16 --hosts node1:8,node2:8 --restarts 3 -- train recipe.yaml
            """)

    @Option(name: .customShort("n"), help: "Ranks.")
    var ranks: Int

    @Option(help: "Machines and their slots, e.g. node1:8,node2:8; without, all ranks are on this one.")
    var hosts: String?

    @Option(name: .customLong("hostfile"), help: "A file with a line `node1 slots=8` for each machine.")
    var hostFile: String?

    @Option(help: "How many times to start again from the last checkpoint when a rank was lost.")
    var restarts = 0

    @Option(help: "How many machines there must be.")
    var expectNodes: Int?

    @Option(help: "Print a job for a cluster instead of starting ranks: slurm | mpijob | trainjob.")
    var emit: JobFile?

    @OptionGroup(title: "Job options") var job: JobOptions

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String] = []

    func run() throws {
        var problems = InputProblems()
        if restarts < 0 { problems.add(InputProblem("--restarts", "found \(restarts), expected 0 or more")) }
        if let emit {
            let request = try problems.attempt("--emit") {
                try JobRequest(
                    ranks: ranks, hosts: hosts, hostFile: hostFile, nodes: expectNodes, restarts: restarts,
                    command: command, options: job, for: emit)
            }
            try problems.end()
            if let request { print(try emit.text(request), terminator: "") }
            return
        }
        let environment = Machine.environment
        let plan = try problems.attempt("launch") {
            try LaunchPlan(
                ranks: ranks, hosts: hosts, hostFile: hostFile, expectedNodes: expectNodes, command: command,
                environment: environment)
        }
        let mpirun = try problems.attempt("launch") { try MPIRun.find(in: environment["PATH"] ?? "") }
        if let rank = try problems.attempt("launch", { try RankEnvironment.discover(environment) }), let rank {
            problems.add(
                InputProblem(
                    "launch", "was itself started as rank \(rank.rank) of \(rank.rankCount) by \(rank.launcher)",
                    fix: "start it once, by itself"))
        }
        if let option = job.firstUsed {
            problems.add(
                InputProblem(
                    option, "describes a job file, and none is asked for", fix: "--emit slurm|mpijob|trainjob"))
        }
        try problems.end()
        guard let plan, let mpirun else { return }
        if case .here = plan.place, ranks > Machine.coreCount {
            StandardError.write("note: \(ranks) ranks share \(Machine.coreCount) cores")
        }
        if geteuid() == 0 { StandardError.write("note: started by root, so mpirun is given --allow-run-as-root") }
        let launch = Launch(
            mpirun: mpirun, executable: Machine.executablePath, restarts: restarts, environment: environment,
            print: { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }, diagnose: StandardError.write)
        let status = try launch.run(plan, stopping: StopForwarding())
        if status != .done { throw CommandEnded(status: status) }
    }
}
