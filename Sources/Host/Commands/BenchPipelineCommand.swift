import ArgumentParser
import Core
import JSON
import PluginAPI

/// `forktail bench pipeline`: how long ranks wait for each other under each schedule.
struct BenchPipelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline", abstract: "How long the ranks of a pipeline wait, beside what its schedule promises.",
        discussion: """
            A step of a small model goes through the pipeline; a rank takes --milliseconds for the forward of a micro-batch, \
            asleep, and as long for each half of its backward. Waiting is the time that a rank waits for others, over the rest of \
            the step, for the rank that waits longest. Started alone, the ranks are threads of this process; started by \
            forktail launch, its processes.
            """)

    @Option(help: "Ranks, where no launcher says how many.")
    var ranks = 4

    @Option(name: .customLong("micro-batches"), help: "Micro-batches of a step.")
    var microBatches = 16

    @Option(help: "A schedule of the recipe's parallel.pipeline; several are measured one after the other.")
    var schedule = ["gpipe", "1f1b", "interleaved", "zb-h1", "zb-v"]

    @Option(help: "What the forward of one micro-batch takes on each rank.")
    var milliseconds = 20.0

    @OptionGroup var options: BenchOptions

    func run() throws {
        let baseline = try options.check("pipeline")
        let launched = try RankEnvironment.discover(Machine.environment)
        let rankCount = launched?.rankCount ?? ranks
        var problems: [InputProblem] = []
        if rankCount < 2 { problems.append(InputProblem("--ranks", "found \(rankCount), expected at least 2")) }
        if microBatches < 1 {
            problems.append(InputProblem("--micro-batches", "found \(microBatches), expected at least 1"))
        }
        if !(milliseconds > 0) {
            problems.append(InputProblem("--milliseconds", "found \(milliseconds), expected more than 0"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        let registry = try Registry.forCommand(plugins: [])
        let layouts = try schedule.map { name in
            let pipeline = [JSONValue.Member("size", .integer(rankCount)), .init("schedule", .string(name))]
            return try RunLayout(.object([.init("pipeline", .object(pipeline))]), registry)
        }
        let (microBatches, seconds) = (microBatches, milliseconds / 1000)
        let rounds = try Ranks.run(
            MeshShape([.pipeline: rankCount]),
            runtime: { _ in Runtime(PacedBackend(threads: 1, exempt: PipelineRound.vocabularySize)) }
        ) { mesh in
            guard let backend = mesh.runtime.backend as? PacedBackend else {
                preconditionFailure("bench pipeline: another backend than was made")
            }
            return try layouts.map { layout in
                try PipelineRound(layout, registry, microBatches: microBatches, mesh, backend).run(seconds: seconds, mesh)
            }
        }
        guard let rounds else { return }
        try options.publish(report(rounds, rankCount, isLaunched: launched != nil), comparedWith: baseline)
    }

    private func report(_ rounds: [PipelineRound.Figures], _ rankCount: Int, isLaunched: Bool) -> BenchReport {
        var report = BenchReport(
            "pipeline", threads: 1,
            [
                .init("ranks", .integer(rankCount)), .init("micro_batches", .integer(microBatches)),
                .init("milliseconds", .double(milliseconds)), .init("transport", .string(isLaunched ? "mpi" : "loopback")),
            ])
        report.rows = zip(schedule, rounds).map { name, figures in
            BenchReport.Row(
                name: name,
                figures: [
                    .init("waiting", .double(figures.waiting)), .init("waiting_promised", .double(figures.promised)),
                    .init("seconds", .double(figures.seconds)), .init("chunks_alive", .integer(figures.aliveCount)),
                    .init("evenness", .double(figures.evenness)),
                ])
        }
        report.formulas = [
            "waiting": "time in which a rank waited / time in which it did not, of the rank that waited longest",
            "waiting_promised": "the same of the schedule, when messages take no time",
            "evenness": "work of the rank that has the least / of the one that has the most",
        ]
        return report
    }
}
