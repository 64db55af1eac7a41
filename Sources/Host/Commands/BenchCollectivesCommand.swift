import ArgumentParser
import Core
import JSON
import PluginAPI

/// `forktail bench collectives`: how fast ranks exchange tensors.
struct BenchCollectivesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collectives", abstract: "How fast ranks exchange tensors.",
        discussion: """
            Started alone, the ranks are threads of this process; started by mpirun or srun, its processes. Results are \
            checked.
            """)

    @Option(help: "Ranks, where no launcher says how many.")
    var ranks = 2

    @Option(help: "Bytes of float32 on each rank; several are measured one after the other.")
    var bytes: [Int] = [1 << 10, 1 << 16, 1 << 20, 1 << 25]

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("collectives")
        if let wrong = bytes.first(where: { $0 < 4 }) {
            throw InputError("--bytes", "found \(wrong), expected at least the 4 of one float32")
        }
        if ranks < 1 { throw InputError("--ranks", "found \(ranks), expected at least 1") }
        let launched = try RankEnvironment.discover(Machine.environment)
        let sizes = bytes
        let rows = try Ranks.run(
            launched == nil ? MeshShape([.data: ranks]) : nil, runtime: { Runtime(CPUBackend(threads: $0)) }
        ) { mesh in try sizes.map { try BenchCollectivesCommand.measure($0, mesh) } }
        guard let rows else { return }
        var report = BenchReport(
            "collectives", threads: Machine.threadCount,
            [
                .init("ranks", .integer(launched?.rankCount ?? ranks)),
                .init("transport", .string(launched == nil ? "loopback" : "mpi")),
            ])
        report.rows = rows.map { row in
            BenchReport.Row(
                name: "\(row.bytes) bytes",
                figures: row.seconds.flatMap { name, seconds in
                    [
                        JSONValue.Member(name + "_microseconds", .double(seconds * 1e6)),
                        .init(name + "_gigabytes_per_second", .double(Double(row.bytes) / seconds / 1e9)),
                    ]
                })
        }
        try options.publish(report, comparedWith: baseline)
    }

    /// Seconds of each collective over tensors of one size.
    private struct Row: Sendable {
        let bytes: Int
        let seconds: [(name: String, seconds: Double)]
    }

    /// Medians over repetitions, of the slowest rank.
    private static func measure(_ bytes: Int, _ mesh: Mesh) throws -> Row {
        let (world, runtime) = (mesh.world, mesh.runtime)
        let count = max(bytes / 4 / world.rankCount, 1)
        let whole = runtime.full([count * world.rankCount], .float32, 1)
        let part = runtime.zeros([count], .float32)
        let collectives: [(String, Collective)] = [
            ("all_gather", .allGather(part, into: whole)), ("reduce_scatter", .reduceScatter(whole, into: part)),
            ("all_reduce", .allReduce(whole)),
        ]
        let seconds = try collectives.map { name, collective in
            let times = try (0..<7).map { _ in
                runtime.run(.fill(whole.view, value: 1))
                runtime.run(.fill(part.view, value: 1))
                try world.barrier()
                return Stopwatch.seconds { world.run(collective) }
            }
            try mesh.link.check()
            try check(name, whole, part, world)
            return (name, try world.gather(Stopwatch.median(times)).max() ?? 0)
        }
        return Row(bytes: bytes, seconds: seconds)
    }

    /// Ones were added up, or gathered.
    private static func check(_ name: String, _ whole: Tensor, _ part: Tensor, _ world: Communicator) throws {
        let sum = Double(world.rankCount)
        let (found, expected) = switch name {
        case "all_gather": (whole, 1.0)
        case "reduce_scatter": (part, sum)
        default: (whole, sum)
        }
        if let wrong = found.doubles().first(where: { $0 != expected }) {
            throw CollectiveFault(name: name, rank: world.link.rank, found: wrong, expected: expected)
        }
    }
}

/// A collective gave a wrong result.
private struct CollectiveFault: Error, CustomStringConvertible {
    let name: String
    let rank: Int
    let found: Double
    let expected: Double

    var description: String { "\(name): rank \(rank) found \(found), expected \(expected)" }
}
