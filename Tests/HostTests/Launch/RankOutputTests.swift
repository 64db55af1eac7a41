import Host
import Testing

@Suite struct RankOutputTests {
    /// What reached the two streams.
    private final class Record {
        var printed: [String] = []
        var diagnosed: [String] = []
        lazy var output = RankOutput(print: { [unowned self] in printed.append($0) }) { [unowned self] in
            diagnosed.append($0)
        }
    }

    private static let rule = String(repeating: "-", count: 60)

    private static func own(_ lines: String...) -> [RankLine] { lines.map { RankLine(rank: nil, $0) } }

    @Test func `results of rank 0 stay as they are, and all else is behind a rank's number`() {
        let record = Record()
        record.output.take([RankLine(rank: 0, "{}"), RankLine(rank: 1, "noise"), RankLine(rank: 0, "{}")], isError: false)
        record.output.take([RankLine(rank: 0, "step 1"), RankLine(rank: 10, "slow")], isError: true)
        #expect(record.printed == ["{}", "{}"])
        #expect(record.diagnosed == ["[1] noise", "[0] step 1", "[10] slow"])
    }

    @Test func `a line that several ranks say is printed once, and one that a rank repeats as often as it does`() {
        let record = Record()
        let lines = [(0, "a"), (1, "a"), (1, "a"), (0, "a"), (2, "a"), (2, "b")]
        record.output.take(lines.map { RankLine(rank: $0, $1) }, isError: true)
        #expect(record.diagnosed == ["[0] a", "[1] a", "[2] b"])
    }

    @Test func `the first failure that mpirun reports counts, unless a whole machine was lost`() {
        let record = Record()
        record.output.take([RankLine(rank: 3, "before the end")], isError: true)
        let killed = "mpirun noticed that process rank 3 with PID 0 on node vm exited on signal 9 (Killed)."
        record.output.take(
            Self.own(
                Self.rule, "Primary job  terminated normally, but 1 process returned",
                "a non-zero exit code. Per user-direction, the job has been aborted.", Self.rule, Self.rule, killed, Self.rule,
                Self.rule, killed.replacing("rank 3", with: "rank 1"), Self.rule), isError: true)
        #expect(record.output.failure == RankFailure(rank: 3, machine: "vm", cause: .signal(9)))
        #expect(record.output.lastWords == ["before the end"])
        record.output.take(
            Self.own(
                Self.rule, "ORTE has lost communication with a remote daemon.", "  Remote daemon: [[1,0],3] on node b"),
            isError: true)
        record.output.end()
        #expect(record.output.failure == RankFailure(rank: nil, machine: "b", cause: .machineLost))
        #expect(record.diagnosed == ["[3] before the end"])
    }

    @Test func `a rank's witness is believed before mpirun, but for a lost machine`() {
        let record = Record()
        record.output.take(
            [
                RankLine(rank: 2, "half a lineforktail launch: left with 137 on node2"),
                RankLine(rank: 0, "forktail launch: left with 143 on node1"),
                RankLine(rank: 0, "forktail launch: left with nothing on node1"),
            ], isError: true)
        #expect(record.output.failure == RankFailure(rank: 2, machine: "node2", cause: .signal(9)))
        #expect(record.diagnosed == ["[2] half a line", "[0] forktail launch: left with nothing on node1"])
        record.output.take(Self.own(Self.rule, "Process name: [[1,1],0] Exit code: 143", Self.rule), isError: true)
        #expect(record.output.failure?.rank == 2)
        record.output.take(
            Self.own(Self.rule, "lost communication with a remote daemon. Remote daemon: [[1,0],3] on node b", Self.rule),
            isError: true)
        #expect(record.output.failure?.cause == .machineLost)
    }

    @Test func `what else mpirun says is passed on in its name`() {
        let record = Record()
        record.output.take(
            Self.own("mpirun: Forwarding signal 10 to job", "", " \0", "a warning", Self.rule, "There are not enough slots", "", Self.rule),
            isError: true)
        #expect(record.diagnosed == ["mpirun: a warning", "mpirun: There are not enough slots"])
        #expect(record.output.failure == nil)
    }

    @Test func `the last words are few`() {
        let record = Record()
        record.output.take((0..<9).map { RankLine(rank: 0, "\($0)") }, isError: true)
        record.output.take(
            Self.own(Self.rule, "process rank 0 with PID 0 on node vm exited on signal 9 (Killed).", Self.rule), isError: true)
        #expect(record.output.lastWords == ["4", "5", "6", "7", "8"])
    }
}
