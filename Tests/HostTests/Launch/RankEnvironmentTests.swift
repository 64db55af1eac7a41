import Host
import Testing

@Suite struct RankEnvironmentTests {
    private static func discover(_ environment: [String: String]) -> String {
        do {
            guard let found = try RankEnvironment.discover(environment) else { return "alone" }
            let local = "\(found.localRank.map(String.init) ?? "?")/\(found.localRankCount.map(String.init) ?? "?")"
            return "\(found.launcher): \(found.rank)/\(found.rankCount), \(local) here, \(found.coreCount ?? 0) cores"
        } catch {
            return "\(error)"
        }
    }

    static let found: [([String: String], String)] = [
        ([:], "alone"),
        (
            [
                "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
                "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_RANK": "3", "SLURM_NTASKS": "9", "PMI_RANK": "0", "PMI_SIZE": "1",
            ], "Open MPI: 3/4, 1/2 here, 0 cores"
        ),
        (
            [
                "PMIX_RANK": "2", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0", "SLURM_NTASKS_PER_NODE": "2",
                "SLURM_CPUS_PER_TASK": "16",
            ], "Slurm with PMIx: 2/4, 0/2 here, 16 cores"
        ),
        (
            ["JSM_NAMESPACE_RANK": "0", "JSM_NAMESPACE_SIZE": "2", "JSM_NAMESPACE_LOCAL_RANK": "0"],
            "jsrun: 0/2, 0/? here, 0 cores"
        ),
        (
            ["PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"],
            "MPICH or Intel MPI: 1/2, 1/2 here, 0 cores"
        ),
        // The shell of a batch job is no rank, though it has Slurm's variables.
        (["SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "1"], "alone"),
    ]

    @Test(arguments: found.indices)
    func `launchers are known by their variables, the innermost first`(index: Int) {
        #expect(Self.discover(Self.found[index].0) == Self.found[index].1)
    }

    static let refused: [([String: String], String)] = [
        (
            ["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "2"],
            """
            environment: OMPI_COMM_WORLD_RANK=2 and OMPI_COMM_WORLD_SIZE=2, expected a rank below the number of ranks
                fix: unset both, or start the command by forktail launch, mpirun or srun
            """
        ),
        (
            [
                "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
                "OMPI_COMM_WORLD_LOCAL_SIZE": "3",
            ],
            """
            environment: OMPI_COMM_WORLD_LOCAL_RANK=0, OMPI_COMM_WORLD_LOCAL_SIZE=3 and OMPI_COMM_WORLD_SIZE=2, expected a \
            place among the ranks of this machine
                fix: unset them, or start the command by forktail launch, mpirun or srun
            """
        ),
        (
            ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "1"],
            """
            environment: Open MPI says rank 0, and PMIX_RANK=1
                fix: start the command by one launcher: forktail launch -n 2 -- ...
            """
        ),
        (
            ["RANK": "0", "WORLD_SIZE": "8", "MASTER_ADDR": "here"],
            """
            environment: RANK, WORLD_SIZE and MASTER_ADDR are those of torchrun, accelerate or deepspeed, whose processes do \
            not meet through MPI
                fix: forktail launch -n 8 -- COMMAND, or mpirun -n 8 forktail COMMAND
            """
        ),
        (
            ["PET_NNODES": "2", "PET_NODE_RANK": "0"],
            """
            environment: PET_NNODES and PET_NODE_RANK are set by Kubeflow for torchrun, whose processes do not meet through MPI
                fix: forktail launch -n 2 --emit trainjob -- COMMAND prints a job that runs by MPI
            """
        ),
        (
            ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"],
            """
            environment: srun started 4 tasks that know nothing of each other: it was not asked for PMIx
                fix: srun --mpi=pmix forktail COMMAND
            """
        ),
    ]

    @Test(arguments: refused.indices)
    func `contradictions, and launchers whose processes do not meet, are refused with what to use`(index: Int) {
        #expect(Self.discover(Self.refused[index].0) == Self.refused[index].1)
    }
}
