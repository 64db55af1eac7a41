import Foundation
import Host
import PluginAPI
import Testing

@Suite struct LaunchPlanTests {
    private static func problems(_ body: () throws -> LaunchPlan) -> String {
        do {
            return "no error: \(try body())"
        } catch {
            return "\(error)"
        }
    }

    private static let command = ["train", "recipe.yaml"]

    @Test func `machines are filled in order, and those left over are spare`() throws {
        let plan = try LaunchPlan(ranks: 3, hosts: "a:2,b,c:4", command: Self.command)
        #expect(plan.usedHosts == [LaunchHost("a", slots: 2), LaunchHost("b", slots: 1)])
        #expect(plan.nodeCount == 2)
        #expect(plan.nodesToCheck == 2)
        #expect(plan.without(["a"])?.usedHosts == [LaunchHost("b", slots: 1), LaunchHost("c", slots: 4)])
        #expect(plan.without(["c"])?.nodeCount == 2)
        #expect(plan.without(["a", "c"]) == nil)
    }

    @Test func `a host file gives slots by machine, and one that stands there again has more`() throws {
        let scratch = try Scratch()
        let path = try scratch.write(
            "hosts", "# machines\nnode1 slots=2 max_slots=4\n\n  node2   # one slot\nnode1 slots=1\n")
        let plan = try LaunchPlan(ranks: 4, hostFile: path, command: Self.command)
        #expect(plan.place == .named([LaunchHost("node1", slots: 3), LaunchHost("node2", slots: 1)]))
        for variable in ["OMPI_MCA_orte_default_hostfile", "PRTE_MCA_prte_default_hostfile"] {
            let found = try LaunchPlan(ranks: 4, command: Self.command, environment: [variable: path])
            #expect(found.place == plan.place, "\(variable)")
        }
        let wrong = try scratch.write("wrong", "node1 slots=x\nnode2 cores=3\n")
        #expect(
            Self.problems { try LaunchPlan(ranks: 1, hostFile: wrong, command: Self.command) }
                == """
                \(wrong):1: found 'node1 slots=x', expected NAME slots=NUMBER
                    fix: node1 slots=8
                \(wrong):2: found 'node2 cores=3', expected NAME slots=NUMBER
                    fix: node1 slots=8
                """)
        let empty = try scratch.write("empty", "# nothing\n")
        #expect(
            Self.problems { try LaunchPlan(ranks: 1, hostFile: empty, command: Self.command) }
                == "\(empty): names no machine, expected lines such as: node1 slots=8")
    }

    @Test func `an allocation of Slurm is counted, and this machine is the last resort`() throws {
        let slurm = ["SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "4"]
        let plan = try LaunchPlan(ranks: 4, expectedNodes: 2, command: Self.command, environment: slurm)
        #expect(plan.place == .allocation(nodes: 2))
        #expect(plan.nodesToCheck == 2)
        #expect(
            Self.problems { try LaunchPlan(ranks: 5, command: Self.command, environment: slurm) }
                == """
                -n: asks for 5 ranks, and Slurm gave this job 4 tasks on 2 nodes
                    fix: sbatch --ntasks=5
                """)
        let here = try LaunchPlan(ranks: 5, command: Self.command)
        #expect(here.place == .here)
        #expect(here.nodeCount == 1)
        #expect(here.nodesToCheck == nil)
    }

    @Test func `what is wrong is told together, with numbers`() {
        #expect(
            Self.problems { try LaunchPlan(ranks: 0, hosts: "a:0,,b:1:2", command: []) }
                == """
                -n: found 0, expected at least 1 rank
                --hosts: found 'a:0', expected NAME or NAME:SLOTS
                    fix: --hosts node1:8,node2:8
                --hosts: found '', expected NAME or NAME:SLOTS
                    fix: --hosts node1:8,node2:8
                --hosts: found 'b:1:2', expected NAME or NAME:SLOTS
                    fix: --hosts node1:8,node2:8
                launch: found no command
                    fix: forktail launch -n 1 -- train RECIPE.yaml
                """)
        #expect(
            Self.problems { try LaunchPlan(ranks: 9, hosts: "a:2,b:6", command: Self.command) }
                == """
                -n: asks for 9 ranks, and 2 machines have 8 slots
                    fix: -n 8, or more slots: a:5,b:6
                """)
        #expect(
            Self.problems { try LaunchPlan(ranks: 2, hosts: "a:2,b:2", expectedNodes: 2, command: Self.command) }
                == """
                --expect-nodes: expects 2 machines, and 2 ranks fill 1
                    fix: name 2 machines with as many slots as each shall take: --hosts node1:1,...
                """)
        #expect(
            Self.problems { try LaunchPlan(ranks: 1, hosts: "a", hostFile: "/dev/null", command: Self.command) }
                == "--hosts: and --hostfile both name machines, expected one of them")
        #expect(
            Self.problems { try LaunchPlan(ranks: 1, hostFile: "/nowhere", command: Self.command) }
                .hasPrefix("/nowhere: cannot be read: No such file or directory"))
    }

    @Test(arguments: [
        (["train", "r", "--resume", "never", "a=1"], ["train", "r", "a=1", "--resume", "latest"]),
        (["train", "--resume=never", "r"], ["train", "r", "--resume", "latest"]),
        (["bench", "collectives"], ["bench", "collectives"]),
    ])
    func `another start goes on from the last checkpoint`(command: [String], resumed: [String]) throws {
        #expect(try LaunchPlan(ranks: 1, command: command).resumed.command == resumed)
    }

    @Test func `mpirun of both families gets the same plan in its own words`() throws {
        let plan = try LaunchPlan(ranks: 3, hosts: "a:2,b:2,c:2", command: Self.command)
        let old = MPIRun(path: "/usr/bin/mpirun", version: "4.1.4")
        let new = MPIRun(path: "/usr/bin/mpirun", version: "5.0.11")
        let tail = ["--host", "a:2,b:2", "-x", "FORKTAIL_THREADS", "/bin/sh", "-c", "forktail", "/opt/forktail"] + Self.command
        /// Without the shell's script.
        func words(_ mpirun: MPIRun, isRoot: Bool) -> [String] {
            mpirun.arguments(plan, executable: "/opt/forktail", isRoot: isRoot, variables: ["FORKTAIL_THREADS"])
                .filter { !$0.contains("trap") }
        }
        #expect(words(old, isRoot: false) == ["-n", "3", "--bind-to", "none", "--tag-output"] + tail)
        #expect(
            words(new, isRoot: true) == ["-n", "3", "--bind-to", "none", "--output", "tag", "--allow-run-as-root"] + tail)
        let here = try LaunchPlan(ranks: 3, command: Self.command)
        #expect(old.arguments(here, executable: "x", isRoot: false, variables: []).contains("localhost:3"))
    }

    @Test func `an mpirun that is missing or another library's is refused with how to get one`() throws {
        let scratch = try Scratch()
        func refusal(_ script: String?) throws -> String {
            if let script {
                _ = try scratch.script("mpirun", "#!/bin/sh\n\(script)")
            }
            do {
                return "found \(try MPIRun.find(in: scratch.root))"
            } catch {
                return "\(error)"
            }
        }
        let fix = "\n    fix: apt-get install openmpi-bin, or put the folder of Open MPI's mpirun first in PATH"
        #expect(try refusal(nil) == "launch: found no mpirun in the 1 folders of PATH" + fix)
        #expect(
            try refusal("echo 'HYDRA build details:'")
                == "launch: \(scratch.path("mpirun")) --version says 'HYDRA build details:', expected Open MPI 4 or later, "
                + "the library that ranks meet by" + fix)
        #expect(try refusal("echo 'mpirun (Open MPI) 3.1.6'").contains("says 'mpirun (Open MPI) 3.1.6', expected"))
        #expect(try refusal("echo 'mpirun (Open MPI) 5.0.1'").hasPrefix("found "))
    }
}
