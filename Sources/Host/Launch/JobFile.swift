import ArgumentParser

/// A launch as a file for a cluster's own scheduler.
enum JobFile: String, CaseIterable, ExpressibleByArgument {
    /// A batch script of Slurm, which starts the ranks itself.
    case slurm
    /// An MPIJob of Kubeflow's MPI operator, kubeflow.org/v2beta1.
    case mpijob
    /// A TrainJob of Kubeflow Trainer, trainer.kubeflow.org/v1alpha1, over its MPI runtime.
    case trainjob

    /// - Parameters:
    ///   - plan: hosts say how many machines with how many ranks each; their names are the scheduler's business.
    ///   - name: of the job: letters, digits and "-".
    ///   - image: of the containers.
    func text(_ plan: LaunchPlan, name: String, image: String) -> String {
        let nodes = max(plan.hosts.count, 1)
        let perNode = (plan.rankCount + nodes - 1) / nodes
        let words = plan.command
        switch self {
        case .slurm:
            return """
                #!/bin/bash
                #SBATCH --job-name=\(name)
                #SBATCH --nodes=\(nodes)
                #SBATCH --ntasks=\(plan.rankCount)
                #SBATCH --ntasks-per-node=\(perNode)
                #SBATCH --exclusive
                #SBATCH --requeue
                #SBATCH --open-mode=append
                # Two minutes before the time is up the ranks checkpoint and leave with 22.
                #SBATCH --signal=USR1@120
                srun --mpi=pmix forktail \(words.map(JobFile.shellWord).joined(separator: " "))
                status=$?
                # 21: a rank was lost; 22: checkpointed on request. Both go on from the last checkpoint.
                if [ $status = 21 ] || [ $status = 22 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
                exit $status

                """
        case .mpijob:
            let command = (["mpirun", "-n", "\(plan.rankCount)", "--bind-to", "none", "--allow-run-as-root", "forktail"] + words)
            return """
                apiVersion: kubeflow.org/v2beta1
                kind: MPIJob
                metadata:
                  name: \(name)
                spec:
                  slotsPerWorker: \(perNode)
                  runPolicy:
                    cleanPodPolicy: Running
                    backoffLimit: 3
                  mpiReplicaSpecs:
                    Launcher:
                      replicas: 1
                      restartPolicy: OnFailure
                      template:
                        spec:
                          containers:
                            - name: launcher
                              image: \(JobFile.yamlWord(image))
                              command: [\(command.map(JobFile.yamlWord).joined(separator: ", "))]
                    Worker:
                      replicas: \(nodes)
                      template:
                        spec:
                          containers:
                            - name: worker
                              image: \(JobFile.yamlWord(image))

                """
        case .trainjob:
            return """
                apiVersion: trainer.kubeflow.org/v1alpha1
                kind: TrainJob
                metadata:
                  name: \(name)
                spec:
                  runtimeRef:
                    name: mpi-distributed
                  trainer:
                    image: \(JobFile.yamlWord(image))
                    numNodes: \(nodes)
                    numProcPerNode: \(perNode)
                    command: [\((["mpirun", "-n", "\(plan.rankCount)", "forktail"] + words).map(JobFile.yamlWord).joined(separator: ", "))]

                """
        }
    }

    /// A word that a shell reads back unchanged.
    private static func shellWord(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./=,:+@%".utf8.contains(byte)
            }
        }
        return isPlain ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// A word in double quotes, as YAML reads it.
    private static func yamlWord(_ word: String) -> String {
        "\"" + word.flatMap { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) } + "\""
    }
}
