import PluginAPI

/// How ranks are to be started: checked before anything is.
struct LaunchPlan: Sendable, Equatable {
    /// A machine and how many ranks it takes.
    struct Host: Sendable, Equatable {
        let name: String
        let slots: Int
    }

    let rankCount: Int
    /// Empty = this machine alone.
    let hosts: [Host]
    /// A forktail command with its arguments.
    let command: [String]

    /// - Parameters:
    ///   - ranks: as asked for.
    ///   - hosts: `name:slots,...`; a name alone is one slot.
    ///   - expectedHosts: how many there must be; nil = any number.
    ///   - command: what follows `--`.
    /// - Throws: `InputError` with all problems.
    init(ranks: Int, hosts text: String?, expectedHosts: Int?, command: [String]) throws {
        var problems: [InputProblem] = []
        var hosts: [Host] = []
        for item in (text ?? "").split(separator: ",", omittingEmptySubsequences: text == nil) {
            let parts = item.split(separator: ":", omittingEmptySubsequences: false)
            let slots = parts.count == 1 ? 1 : parts.count == 2 ? Int(parts[1]) : nil
            guard let name = parts.first.map(String.init), !name.isEmpty, let slots, slots > 0 else {
                problems.append(InputProblem("--hosts", "found '\(item)', expected NAME:SLOTS, e.g. node1:8,node2:8"))
                continue
            }
            if hosts.contains(where: { $0.name == name }) {
                problems.append(InputProblem("--hosts", "names '\(name)' twice", fix: "one entry with all of its slots"))
            }
            hosts.append(Host(name: name, slots: slots))
        }
        if ranks < 1 { problems.append(InputProblem("-n", "found \(ranks), expected at least 1")) }
        let slots = hosts.reduce(0) { $0 + $1.slots }
        if !hosts.isEmpty && slots < ranks {
            problems.append(
                InputProblem(
                    "--hosts", "has \(slots) slots, \(ranks) ranks are asked for",
                    fix: "-n \(slots), or more slots after the names"))
        }
        if let expectedHosts, expectedHosts != max(hosts.count, 1) {
            problems.append(
                InputProblem("--expect-nodes", "is \(expectedHosts), --hosts names \(max(hosts.count, 1))"))
        }
        if command.isEmpty {
            problems.append(
                InputProblem("launch", "lacks a command", fix: "forktail launch -n \(max(ranks, 1)) -- train RECIPE.yaml"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        (rankCount, self.hosts, self.command) = (ranks, hosts, command)
    }

    /// The arguments of mpirun.
    /// - Parameters:
    ///   - executable: forktail, at the same path on every machine.
    ///   - coreCount: of this machine, which is given more ranks than cores only with its leave.
    ///   - isRoot: whether mpirun must be told that this is meant.
    ///   - variables: names of variables that ranks on other machines are to have too.
    func arguments(executable: String, coreCount: Int, isRoot: Bool, variables: [String]) -> [String] {
        var arguments = ["-n", "\(rankCount)", "--quiet", "--bind-to", "none"]
        if isRoot { arguments.append("--allow-run-as-root") }
        if hosts.isEmpty {
            // Ranks that share a core must not keep it while they wait.
            if rankCount > coreCount { arguments += ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"] }
        } else {
            arguments += ["--host", hosts.map { "\($0.name):\($0.slots)" }.joined(separator: ",")]
        }
        for variable in variables { arguments += ["-x", variable] }
        return arguments + [executable] + command
    }
}
