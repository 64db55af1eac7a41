import Foundation
import JSON
import Testing

/// Ranks in processes of their own, started by mpirun.
@Suite struct RankTests {
    private static func launch(_ count: Int, _ arguments: String) throws -> Executable.Outcome {
        try Executable.shell(
            "exec mpirun --allow-run-as-root --oversubscribe --mca btl self,vader -n \(count) \"$0\" \(arguments)", [])
    }

    @Test(arguments: [1, 3])
    func `tensors are exchanged between processes, and rank 0 speaks for all`(ranks: Int) throws {
        let outcome = try Self.launch(ranks, "bench collectives --bytes 4 --bytes 40000 --bytes 300000 --json")
        #expect(outcome.status == 0, "\(outcome.diagnostics)")
        let report = try JSONValue(parsing: outcome.output)
        #expect(report["settings"]?["ranks"]?.integer == ranks)
        #expect(report["settings"]?["transport"]?.string == "mpi")
        for bytes in ["4 bytes", "40000 bytes", "300000 bytes"] {
            let figures = try #require(report["rows"]?[bytes])
            #expect((figures["all_reduce_microseconds"]?.double ?? 0) > 0)
        }
    }

    @Test func `threads of one process measure the same`() throws {
        let outcome = try Executable.run("bench", "collectives", "--ranks", "3", "--bytes", "30000", "--json")
        let report = try JSONValue(parsing: outcome.output)
        #expect(report["settings"]?["transport"]?.string == "loopback")
        #expect((report["rows"]?["30000 bytes"]?["all_gather_microseconds"]?.double ?? 0) > 0)
    }

    @Test func `variables of torchrun and contradictions are refused`() throws {
        func refusal(_ environment: [String: String]) throws -> String {
            let outcome = try Executable.run(["bench", "collectives"], environment: environment)
            #expect(outcome.status == 2)
            return outcome.error ?? ""
        }
        #expect(try refusal(["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here"]).contains("fix: forktail launch -n 2 -- COMMAND"))
        #expect(
            try refusal(["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "2"])
                .hasPrefix("environment: OMPI_COMM_WORLD_RANK=2 and OMPI_COMM_WORLD_SIZE=2, expected a rank below"))
    }

    @Test func `a rank whose launcher speaks for another library is refused before it writes anything`() throws {
        let scratch = try Scratch()
        let recipe = try scratch.write("recipe.yaml", "name: tiny\n")
        let outcome = try Executable.run(
            ["train", recipe, "--run-dir", scratch.path("run")],
            environment: ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"])
        #expect(outcome.status == 2)
        #expect(outcome.error?.hasPrefix("launch: Open MPI started rank 0 of 2, and Open MPI found rank 0 of 1") == true)
        #expect(!scratch.exists("run"))
    }

    @Test func `ranks that run different executables stop before the first step`() throws {
        let bench = try LayoutBench()
        let other = Executable.path + ".other"
        defer { unlink(other) }
        let outcome = try Executable.shell(
            "cp \"$0\" \"$0.other\" && echo >> \"$0.other\" && exec mpirun --allow-run-as-root --oversubscribe --mca btl self,vader "
                + "-n 1 \"$0\" \"$@\" : -n 1 \"$0.other\" \"$@\"",
            ["train", bench.recipe, "parallel={data: 2}", "--run-dir", bench.scratch.path("run")])
        #expect(outcome.status == 2, "\(outcome.diagnostics)")
        #expect(outcome.diagnostics.contains("error: executable: is another one on rank 1 than on rank 0"))
        #expect(!bench.scratch.exists("run/metrics.jsonl"))
    }

    @Test func `ranks that are asked to stop say so once, and leave one whole checkpoint`() throws {
        let bench = try LayoutBench()
        let run = try Executable.start([
            "launch", "-n", "2", "--", "train", bench.recipe, "parallel={data: {size: 2, strategy: zero2}}", "steps=100000",
            "checkpoint.every=0", "--run-dir", bench.scratch.path("run"),
        ])
        while run.isAlive, !((try? bench.scratch.text("run/metrics.jsonl")) ?? "").contains("\n") { usleep(20_000) }
        run.signal(SIGTERM)
        let outcome = try run.wait()
        #expect(outcome.status == 22, "\(outcome.diagnostics)")
        #expect(outcome.diagnostics.components(separatedBy: "asked to stop").count == 2, "\(outcome.diagnostics)")
        #expect(outcome.diagnostics.components(separatedBy: "stopped on request").count == 2, "\(outcome.diagnostics)")
        let checkpoints = try bench.scratch.names(in: "run/checkpoints")
        #expect(checkpoints.count == 1)
        #expect(bench.scratch.exists("run/checkpoints/\(checkpoints[0])/manifest.json"))
    }

    @Test(arguments: ["0", "-3", "soon", "inf"])
    func `a time to wait that is none stops every command`(value: String) throws {
        let outcome = try Executable.run(["plugins", "list"], environment: ["FORKTAIL_RANK_TIMEOUT": value])
        #expect(outcome.status == 2)
        #expect(outcome.error?.hasPrefix("FORKTAIL_RANK_TIMEOUT: found '\(value)', expected seconds, more than 0") == true)
    }
}
