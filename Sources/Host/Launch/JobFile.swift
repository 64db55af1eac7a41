import ArgumentParser
import JSON

/// A launch as a file for a cluster's own scheduler.
enum JobFile: String, CaseIterable, ExpressibleByArgument {
    /// A batch script of Slurm, whose srun starts the ranks.
    case slurm
    /// An MPIJob of Kubeflow's MPI operator, kubeflow.org/v2beta1.
    case mpijob
    /// A TrainJob of Kubeflow Trainer, trainer.kubeflow.org/v1alpha1, with a runtime of its own.
    case trainjob

    var needsImage: Bool { self != .slurm }

    func text(_ request: JobRequest) throws -> String {
        switch self {
        case .slurm: JobFile.slurmScript(request)
        case .mpijob:
            try JobFile.notes("kubectl apply -f FILE, with the MPI operator 0.4 or later")
                + RecipeFile.text(JobFile.mpiJob(request))
        case .trainjob:
            try JobFile.notes("kubectl apply -f FILE, with Kubeflow Trainer 2.0 or later")
                + RecipeFile.text(JobFile.trainingRuntime(request)) + "---\n" + RecipeFile.text(JobFile.trainJob(request))
        }
    }

    private static func notes(_ use: String) -> String {
        """
        # \(use)
        # The image holds forktail at one path, Open MPI 4 or 5, and sshd with its host keys; ssh in it takes unknown hosts.
        # Recipe, data and run directory lie on a volume that all containers have.

        """
    }

    /// The ranks are started by srun, so that Slurm counts, binds and signals them itself.
    private static func slurmScript(_ request: JobRequest) -> String {
        let command = request.command.map(shellWord).joined(separator: " ")
        // The status that srun gives for a rank that was killed, a lost peer, and a checkpoint on request.
        let requeue = """
            case $status in
            21 | 22 | 137)
                if [ "${SLURM_RESTART_COUNT:-0}" -lt \(request.restarts) ]; then scontrol requeue "$SLURM_JOB_ID"; fi
                ;;
            esac

            """
        return """
            #!/bin/bash
            # sbatch FILE, with Slurm built with PMIx and forktail at one path on all machines
            #SBATCH --job-name=\(request.name)
            #SBATCH --nodes=\(request.nodes)
            #SBATCH --ntasks=\(request.ranks)
            #SBATCH --ntasks-per-node=\(request.ranksPerNode)
            #SBATCH --exclusive
            #SBATCH --requeue
            #SBATCH --open-mode=append
            #SBATCH --output=%x-%j.out
            #SBATCH --signal=USR1@120
            # Two minutes before its time is up, each rank gets USR1: they checkpoint and leave with 22.
            export \(RankExpectation.ranks)=\(request.ranks) \(RankExpectation.nodes)=\(request.nodes)
            cores=$((SLURM_CPUS_ON_NODE / \(request.ranksPerNode)))
            srun --mpi=pmix --cpus-per-task="$cores" --cpu-bind=cores --kill-on-bad-exit=1 --label \\
                forktail \(command)
            status=$?
            \(request.restarts > 0 ? requeue : "")exit $status

            """
    }

    /// A word that a shell reads back unchanged.
    static func shellWord(_ word: String) -> String {
        if word.wholeMatch(of: #/[-A-Za-z0-9_.\/=,:+@%]+/#) != nil { return word }
        return "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
