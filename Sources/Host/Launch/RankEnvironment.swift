import PluginAPI

/// What a launcher says about this process through environment variables.
package struct RankEnvironment: Sendable, Equatable {
    package let rank: Int
    package let rankCount: Int
    /// The place among the ranks of this host, where the launcher tells it.
    package let localRank: Int?
    package let localRankCount: Int?
    /// Cores that the launcher has set aside for this rank alone, where it tells.
    package let coreCount: Int?
    /// Who says so.
    package let launcher: String

    /// Names of a launcher's variables.
    private struct Convention {
        let launcher: String
        let rank: String
        let rankCount: String
        var localRank: String?
        var localRankCount: String?
        var coreCount: String?
    }

    /// In the order in which they are believed: `srun` inside of `mpirun` and the like leave several.
    private static let conventions = [
        Convention(
            launcher: "Open MPI", rank: "OMPI_COMM_WORLD_RANK", rankCount: "OMPI_COMM_WORLD_SIZE",
            localRank: "OMPI_COMM_WORLD_LOCAL_RANK", localRankCount: "OMPI_COMM_WORLD_LOCAL_SIZE"),
        Convention(
            launcher: "Slurm with PMIx", rank: "PMIX_RANK", rankCount: "SLURM_NTASKS", localRank: "SLURM_LOCALID",
            localRankCount: "SLURM_NTASKS_PER_NODE", coreCount: "SLURM_CPUS_PER_TASK"),
        Convention(
            launcher: "jsrun", rank: "JSM_NAMESPACE_RANK", rankCount: "JSM_NAMESPACE_SIZE",
            localRank: "JSM_NAMESPACE_LOCAL_RANK", localRankCount: "JSM_NAMESPACE_LOCAL_SIZE"),
        Convention(
            launcher: "MPICH or Intel MPI", rank: "PMI_RANK", rankCount: "PMI_SIZE", localRank: "MPI_LOCALRANKID",
            localRankCount: "MPI_LOCALNRANKS"),
    ]

    /// Nil when the process was started alone.
    /// - Throws: `InputError` for variables of launchers whose processes cannot meet, or that contradict each other.
    package static func discover(_ environment: [String: String]) throws -> RankEnvironment? {
        for convention in conventions {
            if let found = try read(convention, environment) { return try checked(found, environment) }
        }
        try refuseStrangers(environment)
        return nil
    }

    private static func read(_ convention: Convention, _ environment: [String: String]) throws -> RankEnvironment? {
        guard let rank = environment[convention.rank], let count = environment[convention.rankCount] else { return nil }
        func number(_ name: String?) -> Int? { name.flatMap { environment[$0] }.flatMap { Int($0) } }
        guard let rank = Int(rank), let count = Int(count), 0..<max(count, 0) ~= rank else {
            throw InputError(
                "environment", "\(convention.rank)=\(rank) and \(convention.rankCount)=\(count), expected a rank "
                    + "below the number of ranks",
                fix: "unset both, or start the command by forktail launch, mpirun or srun")
        }
        let (localRank, localCount) = (number(convention.localRank), number(convention.localRankCount))
        if let localRank, let localRankName = convention.localRank, let localCount,
            let localCountName = convention.localRankCount, !(0..<localCount ~= localRank && localCount <= count)
        {
            throw InputError(
                "environment", "\(localRankName)=\(localRank), \(localCountName)=\(localCount) and "
                    + "\(convention.rankCount)=\(count), expected a place among the ranks of this machine",
                fix: "unset them, or start the command by forktail launch, mpirun or srun")
        }
        return RankEnvironment(
            rank: rank, rankCount: count, localRank: localRank, localRankCount: localCount,
            coreCount: number(convention.coreCount), launcher: convention.launcher)
    }

    /// Every process that mpirun of Open MPI starts is told its rank by PMIx too.
    private static func checked(_ found: RankEnvironment, _ environment: [String: String]) throws -> RankEnvironment {
        if let other = environment["PMIX_RANK"].flatMap({ Int($0) }), other != found.rank {
            throw InputError(
                "environment", "\(found.launcher) says rank \(found.rank), and PMIX_RANK=\(other)",
                fix: "start the command by one launcher: forktail launch -n \(found.rankCount) -- ...")
        }
        return found
    }

    /// Launchers whose processes do not meet through MPI.
    private static func refuseStrangers(_ environment: [String: String]) throws {
        func fix(_ count: String) -> String {
            "forktail launch -n \(count) -- COMMAND, or mpirun -n \(count) forktail COMMAND"
        }
        if let count = environment["WORLD_SIZE"], environment["RANK"] != nil, environment["MASTER_ADDR"] != nil {
            throw InputError(
                "environment", "RANK, WORLD_SIZE and MASTER_ADDR are those of torchrun, accelerate or deepspeed, whose "
                    + "processes do not meet through MPI", fix: fix(count))
        }
        if let nodes = environment["PET_NNODES"], environment["PET_NODE_RANK"] != nil {
            throw InputError(
                "environment", "PET_NNODES and PET_NODE_RANK are set by Kubeflow for torchrun, whose processes do not "
                    + "meet through MPI",
                fix: "forktail launch -n \(nodes) --emit trainjob -- COMMAND prints a job that runs by MPI")
        }
        let tasks = environment["SLURM_STEP_NUM_TASKS"].flatMap { Int($0) }
        if let count = tasks, count > 1, environment["SLURM_PROCID"] != nil {
            throw InputError(
                "environment", "srun started \(count) tasks that know nothing of each other: it was not asked for PMIx",
                fix: "srun --mpi=pmix forktail COMMAND")
        }
    }
}
