import Foundation
import Host
import PluginAPI
import Testing

/// Ranks that are small scripts, started by the real mpirun.
@Suite struct LaunchTests {
    /// What reached the two streams, and how it ended.
    private final class Record {
        var printed: [String] = []
        var diagnosed: [String] = []
        var status: Int32?
        var seconds = 0.0
    }

    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// - Parameters:
    ///   - script: what each rank runs; `$rank` is its number, and the command's words are its arguments.
    ///   - shell: the remote shell, when machines are named.
    private func launch(
        _ ranks: Int, _ script: String, hosts: String? = nil, command: [String] = ["train", "recipe"], restarts: Int = 0,
        shell: String? = nil
    ) throws -> Record {
        let rank = try scratch.script("rank.sh", "#!/bin/bash\nrank=$OMPI_COMM_WORLD_RANK\n\(script)")
        var environment = ProcessInfo.processInfo.environment
        if let shell {
            let agent = try scratch.script("agent.sh", "#!/bin/bash\nhost=$1; shift\n\(shell)")
            environment["OMPI_MCA_plm_rsh_agent"] = agent
            environment["PRTE_MCA_plm_ssh_agent"] = agent
        }
        let record = Record()
        let launch = Launch(
            mpirun: try MPIRun.find(in: environment["PATH"] ?? ""), executable: rank, restarts: restarts,
            environment: environment, print: { record.printed.append($0) }, diagnose: { record.diagnosed.append($0) })
        let start = ContinuousClock.now
        let plan = try LaunchPlan(ranks: ranks, hosts: hosts, command: command)
        record.status = try launch.run(plan, stopping: StopForwarding([])).rawValue
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    @Test func `a rank that leaves with 2 ends the others and the launch, and is named once`() throws {
        let record = try launch(3, "[ $rank = 1 ] || sleep 60; echo 'error: all wrong' >&2; exit 2")
        #expect(record.status == 2)
        #expect(record.diagnosed.count == 2)
        #expect(record.diagnosed.first == "[1] error: all wrong")
        #expect(record.diagnosed.last?.wholeMatch(of: #/error: rank 1 on \S+ left with 2 \(its input was wrong\)/#) != nil)
        #expect(record.seconds < 30)
    }

    @Test func `a rank that is killed is a lost peer, and others end though they refuse to`() throws {
        let record = try launch(
            3, "trap '' TERM INT; [ $rank = 2 ] || exec sleep 60; for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; kill -9 $$")
        #expect(record.status == 21)
        let host = try #require(record.diagnosed.first { $0.hasPrefix("error: ") })
        #expect(host.hasPrefix("error: rank 2 on ") && host.hasSuffix(" was ended by signal 9 (Killed)"))
        #expect(record.diagnosed.suffix(5) == (3...7).map { "    its last words: line \($0)" })
        #expect(record.seconds < 30)
    }

    @Test func `results of rank 0 come out whole, however long their lines`() throws {
        let record = try launch(
            2, #"[ $rank = 1 ] && { echo noise; exit; }; printf '%0100000d\n' 0; printf part; sleep 0.2; printf 'ial [1,0] x\nend'"#)
        #expect(record.status == 0)
        #expect(record.printed.map(\.count) == [100_000, "partial [1,0] x".count, 3])
        #expect(record.diagnosed == ["[1] noise"])
    }

    @Test(arguments: [("exit 21", 21), ("exit 22", 22), ("kill -9 $$", 21)])
    func `a job that lost a rank or was stopped is started again from its last checkpoint`(death: String, status: Int32) throws {
        // The first time rank 1 dies.
        let script = """
            [ $rank = 0 ] && echo "$@" >> \(scratch.path("starts"))
            [ $rank = 1 ] && [ ! -e \(scratch.path("died")) ] && { touch \(scratch.path("died")); \(death); }
            sleep 0.5
            """
        let record = try launch(2, script, command: ["train", "recipe", "--resume", "never"], restarts: 2)
        #expect(record.status == 0, "\(record.diagnosed)")
        #expect(try scratch.text("starts").hasSuffix("train recipe --resume latest\n"))
        #expect(record.diagnosed.last == "starting again, 1 of 2: train recipe --resume latest")
        let once = try launch(2, "touch x; [ $rank = 0 ] || \(death); sleep 60", command: ["train", "recipe"])
        #expect(once.status == status)
    }

    @Test func `it is started again no more often than asked, and never for wrong input`() throws {
        func starts() throws -> Int { try scratch.text("starts").split(separator: "\n").count }
        let lost = try launch(1, "echo x >> \(scratch.path("starts")); kill -9 $$", restarts: 2)
        #expect(lost.status == 21)
        #expect(try starts() == 3)
        let wrong = try launch(1, "echo x >> \(scratch.path("starts")); exit 2", restarts: 2)
        #expect(wrong.status == 2)
        #expect(try starts() == 4)
    }

    @Test func `ranks know what to expect, and the variables of forktail reach them`() throws {
        let record = try launch(2, "[ $rank = 1 ] || env | grep -E '^FORKTAIL_(EXPECT|BIND)' | sort")
        #expect(record.printed == ["FORKTAIL_BIND=cores", "FORKTAIL_EXPECT_RANKS=2"])
    }

    @Test func `machines that do not answer, or have no forktail, are all named before anything starts`() throws {
        let shell = "[ $host = far ] && exit 99; echo 'some words' >&2; echo \"connect to $host: no route\" >&2; exit 255"
        do {
            _ = try launch(2, "touch \(scratch.path("started"))", hosts: "localhost:1,gone:1,far:1", shell: shell)
            Issue.record("it was started")
        } catch let error as InputError {
            #expect(
                "\(error)" == """
                    machine gone: cannot take ranks: connect to gone: no route
                        fix: ssh gone true must work without a password; else leave the machine out
                    machine far: cannot take ranks: has no \(scratch.path("rank.sh")), which must be at the same path on every \
                    machine
                        fix: ssh far true must work without a password; else leave the machine out
                    """)
        }
        #expect(!scratch.exists("started"))
    }

    @Test func `a machine that mpirun loses is a lost peer, whatever mpirun leaves with`() throws {
        let rule = String(repeating: "-", count: 40)
        let path = try scratch.script(
            "mpirun",
            """
            #!/bin/sh
            printf '%s\\n' '[1,0]<stdout>: result' \(rule) 'PRTE has lost communication with a remote daemon.' >&2
            printf '%s\\n' '  Remote daemon: [prterun-a-1@0,2] on node b' \(rule) >&2

            """)
        let record = Record()
        let launch = Launch(
            mpirun: MPIRun(path: path, version: "5.0.11"), executable: "/bin/true", restarts: 0, environment: [:],
            print: { record.printed.append($0) }, diagnose: { record.diagnosed.append($0) })
        let status = try launch.run(LaunchPlan(ranks: 2, command: ["train"]), stopping: StopForwarding([]))
        #expect(status.rawValue == 21)
        #expect(record.diagnosed == ["[0] result", "error: the machine b does not answer any more"])
    }

    /// Whether this process may give others a host name of their own.
    private static let canRename = (try? Executable.shell("unshare -u hostname elsewhere", []).status) == 0

    @Test(.enabled(if: canRename))
    func `ranks on a machine that is lost go on, on one that was spare`() throws {
        // The machines are host names. Machine b dies with its first rank, and does not answer after that.
        let shell = """
            [ $host = b ] && [ -e \(scratch.path("dead")) ] && { echo "connect to b: no route" >&2; exit 255; }
            exec unshare -u sh -c 'hostname "$0"; eval "$@"' "$host" "$@"
            """
        let script = """
            echo "$rank on $(hostname) of $FORKTAIL_EXPECT_NODES" >> \(scratch.path("ranks"))
            [ $rank = 1 ] && [ $(hostname) = b ] && { touch \(scratch.path("dead")); kill -9 $(ps -o ppid= $PPID); }
            sleep 1
            """
        let record = try launch(2, script, hosts: "a:1,b:1,c:1", restarts: 1, shell: shell)
        #expect(record.status == 0, "\(record.diagnosed)")
        #expect(record.diagnosed.contains { $0.hasPrefix("error: ") })
        #expect(record.diagnosed.contains("machine b cannot take ranks: connect to b: no route"))
        let ranks = try scratch.text("ranks").split(separator: "\n").map(String.init)
        #expect(ranks.suffix(2).sorted() == ["0 on a of 2", "1 on c of 2"], "\(ranks)")
    }
}
