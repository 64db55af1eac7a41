import Foundation
import JSON
import Testing

/// `forktail launch` as users run it.
@Suite struct LaunchCommandTests {
    @Test func `results come from rank 0 alone`() throws {
        let outcome = try Executable.run("launch", "-n", "2", "--", "bench", "collectives", "--bytes", "4000", "--json")
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        let report = try JSONValue(parsing: outcome.output)
        #expect(report["settings"]?["ranks"]?.integer == 2)
        #expect(report["settings"]?["transport"]?.string == "mpi")
    }

    @Test func `more ranks than cores share them, and it is said`() throws {
        let count = ProcessInfo.processInfo.activeProcessorCount + 1
        let outcome = try Executable.run("launch", "-n", "\(count)", "--", "bench", "collectives", "--bytes", "4000", "--json")
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        #expect(outcome.diagnostics.contains("note: \(count) ranks share "))
    }

    @Test func `input that is wrong on every rank is told once`() throws {
        let outcome = try Executable.run("launch", "-n", "2", "--", "bench", "collectives", "--bytes", "1")
        #expect(outcome.status == 2)
        let words = "--bytes: found 1, expected at least the 4 of one float32"
        #expect(outcome.diagnostics.components(separatedBy: words).count == 2, "\(outcome.diagnostics)")
    }

    @Test func `ranks that find themselves on fewer machines than planned refuse to start`() throws {
        let outcome = try Executable.run(
            "launch", "-n", "2", "--hosts", "localhost:1,127.0.0.1:1", "--", "bench", "collectives", "--bytes", "4000")
        #expect(outcome.status == 2)
        #expect(outcome.diagnostics.contains("launch: 2 ranks run on 1 machine ("), "\(outcome.diagnostics)")
    }

    /// A launch of ranks that exchange tensors for longer than a test lasts.
    private static func start(
        environment: [String: String] = [:]
    ) throws -> (launch: Executable.Running, ranks: [pid_t]) {
        let launch = try Executable.start(
            ["launch", "-n", "3", "--", "bench", "collectives", "--bytes", "400000000"], environment: environment)
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            // They exchange once their memory is theirs.
            let ranks = Self.ranks(under: launch.id)
            if ranks.count == 3, ranks.allSatisfy({ residentBytes($0) > 400_000_000 }) { return (launch, ranks) }
            usleep(20_000)
        }
        launch.signal(SIGKILL)
        throw POSIXError(.ETIMEDOUT)
    }

    /// Whether a process is no more, or only its parent has not asked after it yet.
    private static func isGone(_ id: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else { return true }
        return text.split(separator: ")").last?.hasPrefix(" Z") == true
    }

    /// Whether all are gone within seconds.
    private static func areGone(_ ids: [pid_t]) -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while !ids.allSatisfy(isGone), ContinuousClock.now < deadline { usleep(20_000) }
        return ids.allSatisfy(isGone)
    }

    /// Numbers of the ranks' processes, in the order of ranks: mpirun is a child of the launch, and each rank has a shell of
    /// its own.
    private static func ranks(under launch: pid_t) -> [pid_t] {
        func children(_ id: pid_t) -> [pid_t] {
            let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
            return tasks.flatMap { task in
                (try? String(contentsOfFile: "/proc/\(id)/task/\(task)/children", encoding: .utf8))?.split(separator: " ")
                    .compactMap { pid_t($0) } ?? []
            }
        }
        func rank(_ id: pid_t) -> Int {
            let settings = (try? String(contentsOfFile: "/proc/\(id)/environ", encoding: .utf8))?.split(separator: "\0") ?? []
            let name = "OMPI_COMM_WORLD_RANK="
            return settings.first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? .max
        }
        return children(launch).flatMap(children).flatMap(children).sorted { rank($0) < rank($1) }
    }

    private static func residentBytes(_ id: pid_t) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(id)/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }

    @Test func `when a rank is killed during an exchange, the others end, and it is named`() throws {
        let (launch, ranks) = try Self.start()
        let start = ContinuousClock.now
        kill(ranks[1], SIGKILL)
        let outcome = try launch.wait()
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(outcome.status == 21, "\(outcome.diagnostics)")
        #expect(outcome.error?.hasPrefix("rank 1 on ") == true)
        #expect(outcome.error?.contains(" was ended by signal 9 (Killed)") == true)
        #expect(Self.areGone(ranks))
    }

    @Test func `when a rank hangs, the others say where they wait for it, and end`() throws {
        let (launch, ranks) = try Self.start(environment: ["FORKTAIL_RANK_TIMEOUT": "10"])
        kill(ranks[1], SIGSTOP)
        let outcome = try launch.wait()
        #expect(outcome.status == 21, "\(outcome.diagnostics)")
        for rank in [0, 2] {
            let words = "[\(rank)] warning: rank \(rank) has waited 1 seconds in the "
            let lines = outcome.diagnostics.split(separator: "\n").filter { $0.hasPrefix(words) }
            // The hung rank may have passed where one of the others still waits for it.
            #expect(lines.contains { $0.contains(/along data, where ranks? (0 and )?1 (and 2 )?ha/) }, "\(outcome.diagnostics)")
        }
        #expect(outcome.error?.contains("has waited 10 seconds in the ") == true, "\(outcome.diagnostics)")
        #expect(Self.areGone(ranks))
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGUSR1])
    func `a launch that is asked to stop passes it on, and leaves with 22`(signal: Int32) throws {
        let (launch, ranks) = try Self.start()
        launch.signal(signal)
        let outcome = try launch.wait()
        #expect(outcome.status == 22, "\(outcome.diagnostics)")
        #expect(!outcome.diagnostics.contains("error:"))
        #expect(Self.areGone(ranks))
    }

    @Test func `what is wrong with the launch itself is told together`() throws {
        let outcome = try Executable.run(
            ["launch", "-n", "0", "--restarts=-1", "--image", "x"], environment: ["PATH": "/nowhere"])
        #expect(outcome.status == 2)
        #expect(
            outcome.error == """
                --restarts: found -1, expected 0 or more
                -n: found 0, expected at least 1 rank
                launch: found no command
                    fix: forktail launch -n 1 -- train RECIPE.yaml
                launch: found no mpirun in the 1 folders of PATH
                    fix: apt-get install openmpi-bin, or put the folder of Open MPI's mpirun first in PATH
                --image: describes a job file, and none is asked for
                    fix: --emit slurm|mpijob|trainjob
                """)
    }
}
