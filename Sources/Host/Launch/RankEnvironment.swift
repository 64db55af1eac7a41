import PluginAPI

/// What a launcher says about this process through environment variables.
struct RankEnvironment: Sendable, Equatable {
    let rank: Int
    let rankCount: Int
    /// The place among the ranks of this host, where the launcher tells it.
    let localRank: Int?
    let localRankCount: Int?
    /// Who says so.
    let launcher: String

    /// Names of a launcher's variables.
    private struct Convention {
        let launcher: String
        let rank: String
        let rankCount: String
        var localRank: String?
        var localRankCount: String?
    }

    /// In the order in which they are believed: `srun` inside of `mpirun` and the like leave several.
    private static let conventions = [
        Convention(
            launcher: "Open MPI", rank: "OMPI_COMM_WORLD_RANK", rankCount: "OMPI_COMM_WORLD_SIZE",
            localRank: "OMPI_COMM_WORLD_LOCAL_RANK", localRankCount: "OMPI_COMM_WORLD_LOCAL_SIZE"),
        Convention(launcher: "Slurm with PMIx", rank: "PMIX_RANK", rankCount: "SLURM_NTASKS", localRank: "SLURM_LOCALID"),
        Convention(launcher: "PMI", rank: "PMI_RANK", rankCount: "PMI_SIZE", localRank: "SLURM_LOCALID"),
    ]

    /// Nil when the process was started alone.
    /// - Throws: `InputError` for variables of torchrun, or of a launcher that contradict each other.
    static func discover(_ environment: [String: String]) throws -> RankEnvironment? {
        for convention in conventions {
            guard let rank = environment[convention.rank], let count = environment[convention.rankCount] else { continue }
            guard let rank = Int(rank), let count = Int(count), 0..<max(count, 0) ~= rank else {
                throw InputError(
                    "environment", "\(convention.rank)=\(rank) and \(convention.rankCount)=\(count), expected a rank "
                        + "below the number of ranks",
                    fix: "unset both, or start the command by mpirun or srun")
            }
            return RankEnvironment(
                rank: rank, rankCount: count, localRank: convention.localRank.flatMap { environment[$0] }.flatMap { Int($0) },
                localRankCount: convention.localRankCount.flatMap { environment[$0] }.flatMap { Int($0) },
                launcher: convention.launcher)
        }
        if let count = environment["WORLD_SIZE"], environment["RANK"] != nil, environment["MASTER_ADDR"] != nil {
            throw InputError(
                "environment", "RANK, WORLD_SIZE and MASTER_ADDR are torchrun's, whose ranks cannot meet those of Forktail",
                fix: "start it by mpirun -n \(count) instead of torchrun")
        }
        return nil
    }
}
