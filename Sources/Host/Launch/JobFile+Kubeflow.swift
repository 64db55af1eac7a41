import JSON

extension JobFile {
    private static let hostFile = "/etc/mpi/hostfile"
    private static let keys = "/root/.ssh"
    /// How long ranks may take to checkpoint when a container is asked to end.
    private static let graceSeconds = 120

    /// MPIJob, fields of its version v2beta1.
    static func mpiJob(_ request: JobRequest) -> JSONValue {
        func replicas(_ count: Int, _ pod: JSONValue) -> JSONValue {
            object(
                ("replicas", .integer(count)), ("restartPolicy", .string("Never")),
                ("template", object(("spec", pod))))
        }
        return object(
            ("apiVersion", .string("kubeflow.org/v2beta1")), ("kind", .string("MPIJob")),
            ("metadata", object(("name", .string(request.name)))),
            (
                "spec",
                object(
                    ("slotsPerWorker", .integer(request.ranksPerNode)),
                    (
                        "runPolicy",
                        object(
                            ("cleanPodPolicy", .string("Running")), ("backoffLimit", .integer(request.restarts)))
                    ),
                    ("sshAuthMountPath", .string(keys)), ("mpiImplementation", .string("OpenMPI")),
                    ("launcherCreationPolicy", .string("WaitForWorkersReady")),
                    (
                        "mpiReplicaSpecs",
                        object(
                            ("Launcher", replicas(1, pod(request, launcher("launcher", request)))),
                            ("Worker", replicas(request.nodes, pod(request, worker("worker", request)))))
                    ))
            ))
    }

    /// What a TrainJob refers to: Kubeflow Trainer ships no runtime that runs plain MPI. Its names `node` and `launcher`
    /// are those that its MPI plugin looks for.
    static func trainingRuntime(_ request: JobRequest) -> JSONValue {
        func job(_ name: String, _ container: JSONValue, _ more: [JSONValue.Member], labels: JSONValue?) -> JSONValue {
            let metadata = labels.map { [JSONValue.Member("metadata", object(("labels", $0)))] } ?? []
            let spec = object(("backoffLimit", .integer(0)), ("template", object(("spec", pod(request, container)))))
            return .object(
                [.init("name", .string(name))] + more
                    + [.init("template", .object(metadata + [.init("spec", spec)]))])
        }
        let waits = JSONValue.array([object(("name", .string("node")), ("status", .string("Ready")))])
        let step = object(("trainer.kubeflow.org/trainjob-ancestor-step", .string("trainer")))
        return object(
            ("apiVersion", .string("trainer.kubeflow.org/v1alpha1")), ("kind", .string("TrainingRuntime")),
            (
                "metadata",
                object(
                    ("name", .string(request.name)),
                    ("labels", object(("trainer.kubeflow.org/framework", .string("forktail")))))
            ),
            (
                "spec",
                object(
                    (
                        "mlPolicy",
                        object(
                            ("numNodes", .integer(request.nodes)),
                            (
                                "mpi",
                                object(
                                    ("numProcPerNode", .integer(request.ranksPerNode)),
                                    ("mpiImplementation", .string("OpenMPI")),
                                    ("sshAuthMountPath", .string(keys)), ("runLauncherAsNode", .bool(false)))
                            ))
                    ),
                    (
                        "template",
                        object(
                            (
                                "spec",
                                object(
                                    ("network", object(("publishNotReadyAddresses", .bool(true)))),
                                    ("failurePolicy", object(("maxRestarts", .integer(request.restarts)))),
                                    (
                                        "successPolicy",
                                        object(
                                            ("operator", .string("All")),
                                            ("targetReplicatedJobs", .array([.string("launcher")])))
                                    ),
                                    (
                                        "replicatedJobs",
                                        .array([
                                            job("node", worker("node", request), [], labels: nil),
                                            job(
                                                "launcher", launcher("node", request),
                                                [.init("dependsOn", waits)], labels: step),
                                        ])
                                    ))
                            ))
                    ))
            ))
    }

    /// TrainJob, fields of its version v1alpha1.
    static func trainJob(_ request: JobRequest) -> JSONValue {
        object(
            ("apiVersion", .string("trainer.kubeflow.org/v1alpha1")), ("kind", .string("TrainJob")),
            ("metadata", object(("name", .string(request.name)))),
            (
                "spec",
                object(
                    (
                        "runtimeRef",
                        object(
                            ("apiGroup", .string("trainer.kubeflow.org")), ("kind", .string("TrainingRuntime")),
                            ("name", .string(request.name)))
                    ),
                    (
                        "trainer",
                        object(
                            ("image", .string(request.image)), ("numNodes", .integer(request.nodes)),
                            ("numProcPerNode", .integer(request.ranksPerNode)), ("command", .array(launch(request))))
                    ))
            ))
    }

    private static func pod(_ request: JobRequest, _ container: JSONValue) -> JSONValue {
        let volumes = request.volume.map { volume in
            JSONValue.array([
                object(
                    ("name", .string("shared")), ("persistentVolumeClaim", object(("claimName", .string(volume.claim)))))
            ])
        }
        return .object(
            [
                .init("restartPolicy", .string("Never")), .init("terminationGracePeriodSeconds", .integer(graceSeconds)),
                .init("containers", .array([container])),
            ] + (volumes.map { [.init("volumes", $0)] } ?? []))
    }

    /// Runs mpirun. Variables name the host file and the rest for Open MPI 4 and for 5, which ignore each other's.
    private static func launcher(_ name: String, _ request: JobRequest) -> JSONValue {
        let attempts = "-o ConnectionAttempts=10"
        let variables = [
            ("OMPI_MCA_orte_default_hostfile", hostFile), ("PRTE_MCA_prte_default_hostfile", hostFile),
            ("OMPI_MCA_orte_keep_fqdn_hostnames", "true"), ("PRTE_MCA_prte_keep_fqdn_hostnames", "true"),
            ("OMPI_MCA_plm_rsh_args", attempts), ("PRTE_MCA_plm_ssh_args", attempts),
        ]
        return container(
            name, request, command: launch(request),
            [.init("env", .array(variables.map { object(("name", .string($0)), ("value", .string($1))) }))])
    }

    /// Waits for mpirun's remote shell.
    private static func worker(_ name: String, _ request: JobRequest) -> JSONValue {
        let probe = object(("tcpSocket", object(("port", .integer(22)))), ("initialDelaySeconds", .integer(2)))
        return container(
            name, request, command: ["/usr/sbin/sshd", "-De"].map(JSONValue.string), [.init("readinessProbe", probe)])
    }

    private static func container(
        _ name: String, _ request: JobRequest, command: [JSONValue], _ more: [JSONValue.Member]
    ) -> JSONValue {
        let mounts = request.volume.map { volume in
            let mount = object(("name", .string("shared")), ("mountPath", .string(volume.path)))
            return [
                JSONValue.Member("workingDir", .string(volume.path)), .init("volumeMounts", .array([mount])),
            ]
        }
        return .object(
            [.init("name", .string(name)), .init("image", .string(request.image)), .init("command", .array(command))]
                + (mounts ?? []) + more)
    }

    /// The host file is named outright: jobs whose mpirun did not read it ran on one machine and reported success.
    private static func launch(_ request: JobRequest) -> [JSONValue] {
        let restarts = request.restarts > 0 ? ["--restarts", "\(request.restarts)"] : []
        let words = ["forktail", "launch", "-n", "\(request.ranks)", "--hostfile", hostFile]
            + ["--expect-nodes", "\(request.nodes)"] + restarts + ["--"] + request.command
        return words.map(JSONValue.string)
    }

    private static func object(_ members: (String, JSONValue)...) -> JSONValue {
        .object(members.map { .init($0, $1) })
    }
}
