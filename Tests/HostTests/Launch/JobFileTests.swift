import Foundation
import Host
import JSON
import Testing

/// Job files against the schemas of those who read them: no field that they do not know, none missing that they need.
@Suite struct JobFileTests {
    /// The fields of an object: `name!` is needed, `name` may be there.
    indirect enum Schema: Sendable {
        case text, whole, flag
        case one(of: [String])
        case list(Schema)
        case object([String: Schema])
        /// Names of the user's own.
        case anything

        /// What does not fit, as paths.
        func faults(_ value: JSONValue, _ path: String = "") -> [String] {
            switch (self, value) {
            case (.anything, _), (.text, .string), (.flag, .bool): []
            case (.whole, _): value.integer == nil ? ["\(path): no whole number"] : []
            case (.one(let names), .string(let text)): names.contains(text) ? [] : ["\(path): \(text)"]
            case (.list(let item), .array(let values)):
                values.enumerated().flatMap { item.faults($1, "\(path)[\($0)]") }
            case (.object(let fields), .object(let members)):
                members.flatMap { member in
                    (fields[member.key] ?? fields[member.key + "!"])?.faults(member.value, "\(path).\(member.key)")
                        ?? ["\(path).\(member.key): unknown"]
                }
                    + fields.keys.filter { $0.hasSuffix("!") && value[String($0.dropLast())] == nil }
                    .map { "\(path).\($0.dropLast()): missing" }.sorted()
            default: ["\(path): of another type"]
            }
        }
    }

    /// core/v1, as far as jobs use it.
    private static let container = Schema.object([
        "name!": .text, "image!": .text, "command": .list(.text), "args": .list(.text), "workingDir": .text,
        "env": .list(.object(["name!": .text, "value!": .text])),
        "volumeMounts": .list(.object(["name!": .text, "mountPath!": .text])),
        "readinessProbe": .object(["tcpSocket": .object(["port!": .whole]), "initialDelaySeconds": .whole]),
    ])
    private static let pod = Schema.object([
        "spec!": .object([
            "containers!": .list(container), "restartPolicy": .one(of: ["Always", "OnFailure", "Never"]),
            "terminationGracePeriodSeconds": .whole,
            "volumes": .list(
                .object(["name!": .text, "persistentVolumeClaim!": .object(["claimName!": .text])])),
        ])
    ])
    private static let metadata = Schema.object(["name!": .text, "labels": .anything])

    /// kubeflow.org/v2beta1.
    private static let mpiJob = Schema.object([
        "apiVersion!": .one(of: ["kubeflow.org/v2beta1"]), "kind!": .one(of: ["MPIJob"]), "metadata!": metadata,
        "spec!": .object([
            "slotsPerWorker": .whole, "runLauncherAsWorker": .flag, "sshAuthMountPath": .text,
            "launcherCreationPolicy": .one(of: ["AtStartup", "WaitForWorkersReady"]),
            "mpiImplementation": .one(of: ["OpenMPI", "Intel", "MPICH"]),
            "runPolicy": .object([
                "cleanPodPolicy": .one(of: ["None", "Running", "All"]), "ttlSecondsAfterFinished": .whole,
                "activeDeadlineSeconds": .whole, "backoffLimit": .whole, "suspend": .flag, "managedBy": .text,
            ]),
            "mpiReplicaSpecs!": .object(["Launcher!": replica, "Worker!": replica]),
        ]),
    ])
    private static let replica = Schema.object([
        "replicas": .whole, "restartPolicy": .one(of: ["Never", "OnFailure", "Always"]), "template!": pod,
    ])

    /// trainer.kubeflow.org/v1alpha1, and the JobSet (v1alpha2) that its runtimes are templates of.
    private static let trainingRuntime = Schema.object([
        "apiVersion!": .one(of: ["trainer.kubeflow.org/v1alpha1"]), "kind!": .one(of: ["TrainingRuntime"]),
        "metadata!": metadata,
        "spec!": .object([
            "mlPolicy": .object([
                "numNodes": .whole,
                "mpi": .object([
                    "numProcPerNode": .whole, "mpiImplementation": .one(of: ["OpenMPI", "Intel", "MPICH"]),
                    "sshAuthMountPath": .text, "runLauncherAsNode": .flag,
                ]),
            ]),
            "template!": .object([
                "spec!": .object([
                    "network": .object(["publishNotReadyAddresses": .flag]),
                    "failurePolicy": .object(["maxRestarts": .whole]),
                    "successPolicy": .object([
                        "operator!": .one(of: ["All", "Any"]), "targetReplicatedJobs": .list(.text),
                    ]),
                    "replicatedJobs!": .list(
                        .object([
                            "name!": .text, "replicas": .whole,
                            "dependsOn": .list(.object(["name!": .text, "status!": .one(of: ["Ready", "Complete"])])),
                            "template!": .object([
                                "metadata": .object(["labels": .anything]),
                                "spec!": .object(["backoffLimit": .whole, "template!": pod]),
                            ]),
                        ])),
                ])
            ]),
        ]),
    ])
    private static let trainJob = Schema.object([
        "apiVersion!": .one(of: ["trainer.kubeflow.org/v1alpha1"]), "kind!": .one(of: ["TrainJob"]), "metadata!": metadata,
        "spec!": .object([
            "runtimeRef!": .object(["apiGroup": .text, "kind": .text, "name!": .text]),
            "trainer": .object([
                "image": .text, "command": .list(.text), "args": .list(.text), "numNodes": .whole, "numProcPerNode": .whole,
                "env": .list(.object(["name!": .text, "value!": .text])),
            ]),
        ]),
    ])

    private static func emit(_ kind: String, _ more: [String] = []) throws -> String {
        let outcome = try Executable.run(
            ["launch", "-n", "6", "--expect-nodes", "3", "--emit", kind, "--restarts", "2"] + more
                + ["--", "train", "/work/a recipe.yaml", "name=it's", "yes"])
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        return outcome.output
    }

    private static let containers = ["--image", "registry.example/forktail:1", "--volume", "training:/work"]
    private static let words = [
        "forktail", "launch", "-n", "6", "--hostfile", "/etc/mpi/hostfile", "--expect-nodes", "3", "--restarts", "2", "--",
        "train", "/work/a recipe.yaml", "name=it's", "yes",
    ]

    private static func names(_ environment: JSONValue?) -> [String] {
        (environment?.array ?? []).compactMap { $0["name"]?.string }
    }

    @Test func `an MPIJob has the fields of its kind, and names the host file for both families of Open MPI`() throws {
        let job = try RecipeFile.parse(
            Self.emit("mpijob", Self.containers), name: "job")
        #expect(Self.mpiJob.faults(job) == [])
        let specs = job["spec"]?["mpiReplicaSpecs"]
        #expect(job["spec"]?["slotsPerWorker"]?.integer == 2)
        #expect(specs?["Worker"]?["replicas"]?.integer == 3)
        let launcher = specs?["Launcher"]?["template"]?["spec"]?["containers"]?.array?.first
        #expect(launcher?["command"]?.array?.compactMap(\.string) == Self.words)
        let variables = Self.names(launcher?["env"])
        #expect(variables.contains("OMPI_MCA_orte_default_hostfile") && variables.contains("PRTE_MCA_prte_default_hostfile"))
        #expect(variables.contains("OMPI_MCA_plm_rsh_args") && variables.contains("PRTE_MCA_plm_ssh_args"))
    }

    @Test func `a TrainJob comes with the runtime that it refers to`() throws {
        let text = try Self.emit("trainjob", Self.containers + ["--job-name", "tiny"])
        let parts = try text.components(separatedBy: "\n---\n").map { try RecipeFile.parse($0, name: "job") }
        #expect(parts.count == 2)
        #expect(Self.trainingRuntime.faults(parts[0]) == [])
        #expect(Self.trainJob.faults(parts[1]) == [])
        #expect(parts[1]["spec"]?["runtimeRef"]?["name"] == parts[0]["metadata"]?["name"])
        #expect(parts[1]["spec"]?["runtimeRef"]?["kind"] == parts[0]["kind"])
        #expect(parts[1]["spec"]?["trainer"]?["numNodes"]?.integer == 3)
        #expect(parts[1]["spec"]?["trainer"]?["command"]?.array?.compactMap(\.string) == Self.words)
        // The names that the trainer's MPI plugin looks for; the label marks what the TrainJob's command replaces.
        let jobs = parts[0]["spec"]?["template"]?["spec"]?["replicatedJobs"]?.array ?? []
        #expect(jobs.compactMap { $0["name"]?.string } == ["node", "launcher"])
        for job in jobs {
            #expect(job["template"]?["spec"]?["template"]?["spec"]?["containers"]?.array?.first?["name"]?.string == "node")
        }
        #expect(jobs.last?["template"]?["metadata"]?["labels"]?["trainer.kubeflow.org/trainjob-ancestor-step"]?.string == "trainer")
    }

    @Test func `a script of Slurm is one that a shell reads, and starts the ranks by srun`() throws {
        let script = try Self.emit("slurm")
        let scratch = try Scratch()
        // In place of Slurm: srun says what it was given, and loses a rank.
        let path = try scratch.write("job.sh", script)
        _ = try scratch.script("srun", "#!/bin/bash\nprintf '%s\\n' \"$@\" \"$FORKTAIL_EXPECT_RANKS\"\nexit 137")
        _ = try scratch.script("scontrol", "#!/bin/bash\necho \"scontrol $*\"")
        func run(_ count: Int) throws -> Executable.Outcome {
            try Executable.shell(
                "cd \(scratch.root) && PATH=$PWD:$PATH SLURM_CPUS_ON_NODE=16 SLURM_JOB_ID=7 "
                    + "SLURM_RESTART_COUNT=\(count) bash \(path)", [])
        }
        let given = [
            "--mpi=pmix", "--cpus-per-task=8", "--cpu-bind=cores", "--kill-on-bad-exit=1", "--label", "forktail", "train",
            "/work/a recipe.yaml", "name=it's", "yes", "6",
        ]
        let first = try run(1)
        #expect(first.output.split(separator: "\n").map(String.init) == given + ["scontrol requeue 7"], "\(first.diagnostics)")
        #expect(first.status == 137)
        #expect(try run(2).output.split(separator: "\n").count == given.count)
        let settings = script.split(separator: "\n").filter { $0.hasPrefix("#SBATCH ") }.map { $0.dropFirst(8) }
        #expect(settings.contains("--nodes=3") && settings.contains("--ntasks=6") && settings.contains("--ntasks-per-node=2"))
        #expect(settings.contains("--signal=USR1@120"))
    }

    @Test func `what a job file cannot say is refused, all of it at once`() throws {
        let outcome = try Executable.run(
            "launch", "-n", "5", "--expect-nodes", "2", "--emit", "trainjob", "--restarts", "1", "--job-name", "A",
            "--volume", "c", "--", "train", "r.yaml", "--resume", "never")
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                -n: 5 ranks do not spread evenly over 2 machines
                    fix: -n 4, or 6
                --resume: stands in a command that the cluster starts again as it is
                    fix: leave it out: train goes on from the last checkpoint
                --job-name: found 'A', expected up to 63 of a-z, 0-9 and -, from a letter on
                    fix: forktail
                --image: is missing: what holds forktail, Open MPI and sshd
                    fix: --image registry.example/forktail:1
                --volume: found 'c', expected CLAIM:/PATH
                    fix: --volume training:/work
                """)
        let slurm = try Executable.run("launch", "-n", "2", "--emit", "slurm", "--image", "x", "--", "train", "r.yaml")
        #expect(slurm.error == "--image: has no place in a job of Slurm\n    fix: leave it out")
    }
}
