import Foundation
import PluginAPI

/// Starts a plan's ranks, and starts them again when one was lost.
package struct Launch {
    let mpirun: MPIRun
    let executable: String
    let restarts: Int
    let environment: [String: String]
    private let print: (String) -> Void
    private let diagnose: (String) -> Void

    /// They say where product tables and plugins lie.
    private static let placeVariables = ["XDG_CONFIG_HOME", "XDG_DATA_HOME"]

    /// - Parameters:
    ///   - executable: what each rank runs with the plan's command.
    ///   - restarts: how many times to start again.
    ///   - environment: of mpirun and of the ranks.
    ///   - print: writes a line of results.
    ///   - diagnose: writes a line of diagnostics.
    package init(
        mpirun: MPIRun, executable: String, restarts: Int, environment: [String: String],
        print: @escaping (String) -> Void, diagnose: @escaping (String) -> Void
    ) {
        (self.mpirun, self.executable, self.restarts) = (mpirun, executable, restarts)
        (self.environment, self.print, self.diagnose) = (environment, print, diagnose)
    }

    /// - Returns: how it ended; everything worth saying has been said.
    /// - Throws: `InputError` when machines of the plan cannot take ranks.
    package func run(_ plan: LaunchPlan, stopping: StopForwarding) throws -> ExitStatus {
        let lost = refusals(plan)
        if !lost.isEmpty {
            throw InputError(
                lost.map {
                    InputProblem(
                        "machine \($0.host)", "cannot take ranks: \($0.reason)",
                        fix: "ssh \($0.host) true must work without a password; else leave the machine out")
                })
        }
        var plan = plan
        var restart = 0
        while true {
            let status = try start(plan, stopping)
            let isWorthwhile = status == .peerLost || status == .stoppedOnRequest
            guard isWorthwhile, restart < restarts, !stopping.isAsked else { return status }
            let lost = refusals(plan)
            for refusal in lost { diagnose("machine \(refusal.host) cannot take ranks: \(refusal.reason)") }
            guard let left = plan.without(lost.map(\.host)) else {
                diagnose("error: what is left has fewer than \(plan.rankCount) slots; not started again")
                return status
            }
            plan = left.resumed
            restart += 1
            diagnose("starting again, \(restart) of \(restarts): \(plan.command.joined(separator: " "))")
        }
    }

    private func start(_ plan: LaunchPlan, _ stopping: StopForwarding) throws -> ExitStatus {
        var environment = environment
        environment[RankExpectation.ranks] = "\(plan.rankCount)"
        environment[RankExpectation.nodes] = plan.nodesToCheck.map { "\($0)" }
        environment[RankCores.variable] = environment[RankCores.variable] ?? "cores"
        let handedOn = environment.keys.filter { $0.hasPrefix("FORKTAIL_") || Launch.placeVariables.contains($0) }
        let arguments = mpirun.arguments(
            plan, executable: executable, isRoot: geteuid() == 0, variables: handedOn.sorted())
        let job = RankJob(mpirun: mpirun, arguments: arguments, environment: environment)
        let ending = try job.run(RankOutput(print: print, diagnose: diagnose), stopping: stopping)
        return conclusion(ending, isAsked: stopping.isAsked)
    }

    /// Says what failed first, once.
    private func conclusion(_ ending: RankJob.Ending, isAsked: Bool) -> ExitStatus {
        let failure = ending.output.failure
        // mpirun of Open MPI 5 loses a machine and leaves with 0.
        guard ending.status != 0 || failure != nil else { return .done }
        let status = failure?.status ?? ExitStatus(ofProcess: ending.status)
        // Ranks that do not know the signal were ended by it, and so was mpirun before it had started any.
        if isAsked, failure == nil || status == .stoppedOnRequest || status == .peerLost { return .stoppedOnRequest }
        diagnose("error: " + (failure.map { "\($0)" } ?? "mpirun left with \(ending.status)"))
        if case .signal = failure?.cause {
            for line in ending.output.lastWords { diagnose("    its last words: \(line)") }
        }
        return status
    }

    private func refusals(_ plan: LaunchPlan) -> [HostProbe.Refusal] {
        // In an allocation of Slurm mpirun asks its daemons instead of a remote shell.
        guard case .named(let hosts) = plan.place, environment["SLURM_JOB_ID"] == nil else { return [] }
        return HostProbe(environment: environment).refusals(hosts.map(\.name), executable: executable)
    }
}
