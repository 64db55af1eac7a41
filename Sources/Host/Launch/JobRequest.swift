import PluginAPI

/// What a job file has to say: checked before one is written.
struct JobRequest {
    let ranks: Int
    let nodes: Int
    let ranksPerNode: Int
    let restarts: Int
    let command: [String]
    let name: String
    let image: String
    /// A claim on a volume, and where containers find it.
    let volume: (claim: String, path: String)?

    /// - Parameters:
    ///   - hosts: as for `LaunchPlan`; only how many they are counts, since the cluster chooses machines.
    ///   - nodes: how many machines; nil = as many as `hosts` names, or one.
    /// - Throws: `InputError` with all problems.
    init(
        ranks: Int, hosts: String?, hostFile: String?, nodes: Int?, restarts: Int, command: [String],
        options: JobOptions, for file: JobFile
    ) throws {
        var problems = InputProblems()
        let isNamed = hosts != nil || hostFile != nil
        let plan = try problems.attempt("--emit") {
            try LaunchPlan(
                ranks: ranks, hosts: hosts, hostFile: hostFile, expectedNodes: isNamed ? nodes : nil, command: command)
        }
        self.nodes = nodes ?? plan?.nodeCount ?? 1
        if self.nodes < 1 {
            problems.add(InputProblem("--expect-nodes", "found \(self.nodes), expected at least 1"))
        } else if ranks > 0, ranks % self.nodes != 0 {
            let near = max(ranks / self.nodes, 1) * self.nodes
            problems.add(
                InputProblem(
                    "-n", "\(ranks) ranks do not spread evenly over \(self.nodes) machines",
                    fix: "-n \(near), or \(near + self.nodes)"))
        }
        if restarts > 0, command.contains(where: { $0 == "--resume" || $0.hasPrefix("--resume=") }) {
            problems.add(
                InputProblem(
                    "--resume", "stands in a command that the cluster starts again as it is",
                    fix: "leave it out: train goes on from the last checkpoint"))
        }
        let name = options.name ?? "forktail"
        if name.wholeMatch(of: #/[a-z]([-a-z0-9]{0,61}[a-z0-9])?/#) == nil {
            problems.add(
                InputProblem(
                    "--job-name", "found '\(name)', expected up to 63 of a-z, 0-9 and -, from a letter on", fix: "forktail"))
        }
        if file.needsImage, options.image == nil {
            problems.add(
                InputProblem(
                    "--image", "is missing: what holds forktail, Open MPI and sshd",
                    fix: "--image registry.example/forktail:1"))
        }
        if !file.needsImage, let option = options.image != nil ? "--image" : options.volume != nil ? "--volume" : nil {
            problems.add(InputProblem(option, "has no place in a job of Slurm", fix: "leave it out"))
        }
        let volume = options.volume.map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
        if let volume, volume.count != 2 || volume.last?.hasPrefix("/") != true {
            problems.add(
                InputProblem(
                    "--volume", "found '\(options.volume ?? "")', expected CLAIM:/PATH", fix: "--volume training:/work"))
        }
        try problems.end()
        (self.ranks, ranksPerNode, self.restarts) = (ranks, ranks / self.nodes, restarts)
        (self.command, self.name, image) = (command, name, options.image ?? "")
        self.volume = volume.map { ($0[0], $0[1]) }
    }
}
