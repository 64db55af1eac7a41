import PluginAPI

/// Which ranks are to be started where: checked before anything is.
package struct LaunchPlan: Sendable, Equatable {
    /// Where ranks run.
    package enum Place: Sendable, Equatable {
        /// On this machine alone.
        case here
        /// On these machines, filled one after the other; those that are left over are spare.
        case named([LaunchHost])
        /// Where Slurm has given this job room; mpirun asks it.
        case allocation(nodes: Int)
    }

    package let rankCount: Int
    package let place: Place
    /// A command of forktail with its arguments.
    package let command: [String]
    private let expectsNodes: Bool

    /// - Parameters:
    ///   - ranks: how many.
    ///   - hosts: `name:slots,...`.
    ///   - hostFile: path of a host file of Open MPI. Without either, the host file that an environment of a cluster
    ///     names, its allocation, or this machine.
    ///   - expectedNodes: how many machines there must be; nil = any number.
    ///   - command: what follows `--`.
    /// - Throws: `InputError` with all problems.
    package init(
        ranks: Int, hosts: String? = nil, hostFile: String? = nil, expectedNodes: Int? = nil, command: [String],
        environment: [String: String] = [:]
    ) throws {
        var problems: [InputProblem] = []
        if ranks < 1 { problems.append(InputProblem("-n", "found \(ranks), expected at least 1 rank")) }
        if hosts != nil && hostFile != nil {
            problems.append(InputProblem("--hosts", "and --hostfile both name machines, expected one of them"))
        }
        let place = try LaunchPlan.place(hosts, hostFile, environment, &problems)
        self.init(ranks, place, command, expectsNodes: expectedNodes != nil)
        if case .named(let hosts) = place, problems.isEmpty {
            let slots = hosts.reduce(0) { $0 + $1.slots }
            if slots < ranks {
                problems.append(
                    InputProblem(
                        "-n", "asks for \(ranks) ranks, and "
                            + (hosts.count == 1 ? "one machine has" : "\(hosts.count) machines have") + " \(slots) slots",
                        fix: "-n \(slots), or more slots: "
                            + LaunchPlan.spread(ranks, over: hosts).map { "\($0.name):\($0.slots)" }.joined(separator: ",")))
            }
        }
        if case .allocation(let nodes) = place, let tasks = environment["SLURM_NTASKS"].flatMap({ Int($0) }),
            tasks < ranks
        {
            problems.append(
                InputProblem(
                    "-n", "asks for \(ranks) ranks, and Slurm gave this job \(tasks) tasks on \(nodes) nodes",
                    fix: "sbatch --ntasks=\(ranks)"))
        }
        if let expectedNodes, problems.isEmpty, expectedNodes != nodeCount {
            problems.append(
                InputProblem(
                    "--expect-nodes", "expects \(expectedNodes) machines, and \(ranks) ranks fill \(nodeCount)",
                    fix: "name \(expectedNodes) machines with as many slots as each shall take: --hosts node1:"
                        + "\((ranks + max(expectedNodes, 1) - 1) / max(expectedNodes, 1)),..."))
        }
        if command.isEmpty {
            problems.append(
                InputProblem(
                    "launch", "found no command", fix: "forktail launch -n \(max(ranks, 1)) -- train RECIPE.yaml"))
        }
        if !problems.isEmpty { throw InputError(problems) }
    }

    private init(_ rankCount: Int, _ place: Place, _ command: [String], expectsNodes: Bool) {
        (self.rankCount, self.place, self.command, self.expectsNodes) = (rankCount, place, command, expectsNodes)
    }

    private static func place(
        _ hosts: String?, _ hostFile: String?, _ environment: [String: String], _ problems: inout [InputProblem]
    ) throws -> Place {
        if let hosts { return .named(LaunchHost.list(hosts, &problems)) }
        // Operators of Kubernetes name the file in variables that only some releases of Open MPI read.
        let variables = ["PRTE_MCA_prte_default_hostfile", "OMPI_MCA_orte_default_hostfile"]
        if let path = hostFile ?? variables.lazy.compactMap({ environment[$0] }).first {
            let text = try WholeFile.read(path, fix: "--hostfile FILE, or --hosts node1:8,node2:8")
            return .named(LaunchHost.file(text, path: path, &problems))
        }
        if environment["SLURM_JOB_ID"] != nil {
            let nodes = environment["SLURM_JOB_NUM_NODES"] ?? environment["SLURM_NNODES"]
            return .allocation(nodes: nodes.flatMap { Int($0) } ?? 1)
        }
        return .here
    }

    /// The machines that get ranks.
    package var usedHosts: [LaunchHost] {
        guard case .named(let hosts) = place else { return [] }
        var left = rankCount
        return hosts.filter { host in
            defer { left -= host.slots }
            return left > 0
        }
    }

    package var nodeCount: Int {
        switch place {
        case .here: 1
        case .named: usedHosts.count
        case .allocation(let nodes): nodes
        }
    }

    /// How many machines ranks must find themselves on; nil = not known, or not worth asking.
    package var nodesToCheck: Int? {
        switch place {
        case .here: nil
        case .named: nodeCount
        case .allocation(let nodes): expectsNodes ? nodes : nil
        }
    }

    /// The plan without machines that are gone.
    /// - Returns: nil when what is left has too few slots.
    package func without(_ names: [String]) -> LaunchPlan? {
        guard case .named(let hosts) = place else { return names.isEmpty ? self : nil }
        let left = hosts.filter { !names.contains($0.name) }
        guard left.reduce(0, { $0 + $1.slots }) >= rankCount else { return nil }
        return LaunchPlan(rankCount, .named(left), command, expectsNodes: expectsNodes)
    }

    /// The plan for another start: what was trained so far is not started over.
    package var resumed: LaunchPlan {
        guard command.first == "train" else { return self }
        var words: [String] = []
        var skipsValue = false
        for word in command {
            if skipsValue {
                skipsValue = false
            } else if word == "--resume" {
                skipsValue = true
            } else if !word.hasPrefix("--resume=") {
                words.append(word)
            }
        }
        return LaunchPlan(rankCount, place, words + ["--resume", "latest"], expectsNodes: expectsNodes)
    }

    /// The fewest more slots that let ranks fit, the same everywhere.
    private static func spread(_ ranks: Int, over hosts: [LaunchHost]) -> [LaunchHost] {
        let each = (ranks + hosts.count - 1) / max(hosts.count, 1)
        return hosts.map { LaunchHost($0.name, slots: max(each, $0.slots)) }
    }
}
