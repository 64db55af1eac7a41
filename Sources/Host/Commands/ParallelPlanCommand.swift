import ArgumentParser
import Core
import Foundation
import JSON
import PluginAPI

/// `forktail parallel plan`: the layouts that fit.
struct ParallelPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "The layouts of a number of ranks that fit, and which one to take.",
        discussion: "Nothing is computed: memory, traffic and waiting are worked out (Docs/parallel-plan.md). Ends with "
            + "status 3 when no layout fits.")

    @Argument(help: "The recipe, a YAML file (Docs/recipes.md).")
    var recipe: String

    @Argument(help: "Settings key.path=value.")
    var overrides: [String] = []

    @Option(help: "Ranks to lay out (default: the layout of the recipe alone).")
    var ranks: Int?

    @Option(help: "What each rank may have, e.g. 24GiB (default: what this machine has, shared by the ranks).")
    var memory: String?

    @Option(help: "Look at this layout alone, e.g. data=2:zero3,tensor=2:sequence.")
    var mesh: String?

    @Option(name: .customLong("flops-per-byte"), help: "FLOPs that a rank does while it sends one byte.")
    var flopsPerByte = 200.0

    @Option(help: "Layouts that are listed, best first; 0 = all.")
    var top = 20

    @Option(help: "Draw the pipeline schedule of the best layout: FILE.svg.")
    var timeline: String?

    @Flag(help: "Print JSON, with all layouts.")
    var json = false

    func run() throws {
        let value = try RecipeFile.read(recipe, overrides: overrides)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        let (layout, rankCount) = try request(recipe.layout, registry)
        let inputs = try TrainingInputs(recipe, registry)
        let estimator = try LayoutEstimator(recipe, registry, inputs, flopsPerByte: flopsPerByte)
        if let layout {
            let problems = estimator.problems(of: layout)
            if !problems.isEmpty { throw InputError(problems) }
        }
        let plan = try LayoutPlan(
            rankCount: rankCount, memory: try memoryLimit(rankCount),
            layouts: layout.map { [$0] } ?? LayoutSearch.layouts(rankCount: rankCount, of: inputs.source.configuration, registry), estimator)
        print(json ? plan.json.text : try plan.text(top: top == 0 ? Int.max : top))
        if let timeline { try draw(plan.best ?? plan.tooLarge.first, estimator, to: timeline) }
        if plan.best == nil { throw CommandEnded(status: .answerIsNo) }
    }

    /// The layout that was asked for, and the number of ranks.
    private func request(_ own: RunLayout, _ registry: Registry) throws -> (RunLayout?, Int) {
        var problems = InputProblems()
        let named = try problems.attempt("--mesh") { try mesh.map { try RunLayout(mesh: $0, registry) } } ?? nil
        let layout = named ?? (mesh == nil && ranks == nil && own.shape.rankCount > 1 ? own : nil)
        if let ranks, ranks < 1 { problems.add(InputProblem("--ranks", "found \(ranks), expected 1 or more")) }
        if let ranks, let layout, layout.shape.rankCount != ranks {
            problems.add(
                InputProblem(
                    "--ranks", "found \(ranks), the layout \(layout.mesh) has \(layout.shape.rankCount)",
                    fix: "--ranks \(layout.shape.rankCount)"))
        }
        if ranks == nil, mesh == nil, layout == nil {
            problems.add(
                InputProblem(
                    "--ranks", "is missing, and the recipe has no layout of several ranks", fix: "--ranks 8"))
        }
        if !(flopsPerByte > 0) {
            problems.add(InputProblem("--flops-per-byte", "found \(flopsPerByte), expected a number above 0"))
        }
        if top < 0 { problems.add(InputProblem("--top", "found \(top), expected 0 or more")) }
        if let memory, ByteText.parse(memory) == nil {
            problems.add(InputProblem("--memory", "found '\(memory)', expected a size above 0", fix: "--memory 24GiB"))
        }
        try problems.end()
        return (layout, ranks ?? layout?.shape.rankCount ?? 1)
    }

    private func memoryLimit(_ rankCount: Int) throws -> Int {
        if let memory = memory.flatMap({ ByteText.parse($0) }) { return memory }
        guard let available = try MachineMemory.available() else {
            throw InputError("--memory", "is missing, and this system does not tell what it has", fix: "--memory 24GiB")
        }
        return available / rankCount
    }

    private func draw(_ layout: LayoutFigures?, _ estimator: LayoutEstimator, to path: String) throws {
        guard let layout else { return }
        guard let timeline = try estimator.timeline(of: layout.layout) else {
            throw InputError(
                "--timeline", "the layout \(layout.layout.mesh) has no pipeline to draw",
                fix: "--mesh pipeline=4:1f1b")
        }
        try AtomicFile.write(Data(timeline.svg.utf8), to: path)
        StandardError.write("timeline of \(layout.layout.mesh): \(path)")
    }
}

extension LayoutPlan {
    fileprivate var json: JSONValue {
        .object([
            .init("ranks", .integer(rankCount)), .init("memory_bytes", .integer(memory)),
            .init("recommended", best.map { .string($0.layout.mesh) } ?? .null), .init("reason", .string(reason)),
            .init("layouts", .array(fitting.map { $0.json(fits: true) } + tooLarge.map { $0.json(fits: false) })),
            .init(
                "left_out",
                .array(
                    leftOut.map {
                        .object([.init("reason", .string($0.reason)), .init("layouts", .integer($0.count))])
                    })),
        ])
    }

    fileprivate func text(top: Int) throws -> String {
        let skipped = leftOut.reduce(0) { $0 + $1.count }
        let head = "\(rankCount) ranks with \(ByteText.text(memory)) each; layouts: \(fitting.count) fit, "
            + "\(tooLarge.count) do not, \(skipped) cannot be trained"
        var parts = [head]
        // Where nothing fits, what comes nearest.
        let shown = fitting.isEmpty ? tooLarge : fitting
        if !shown.isEmpty {
            let table = TextTable(
                header: ["LAYOUT", "EACH RANK", "SENT A STEP", "WAITING", "CRITICAL PATH"],
                rows: shown.prefix(top).map { layout in
                    [
                        layout.layout.mesh, ByteText.text(layout.memory.total), ByteText.text(layout.sentBytes),
                        layout.waiting.percent, ByteText.text(layout.criticalBytes),
                    ]
                })
            let more = shown.count > top ? "\n... and \(shown.count - top) more (--top 0)" : ""
            parts.append(table.text + more)
        }
        if let best { parts.append(best.details) }
        parts.append("recommended: \(best?.layout.mesh ?? "none")\n\(reason)")
        if let best, best.layout.shape.rankCount > 1 {
            let section = try RecipeFile.text(.object([.init("parallel", best.layout.short)]))
            parts.append("in the recipe:\n\(section)".trimmingCharacters(in: .newlines))
        }
        if !leftOut.isEmpty {
            parts.append(leftOut.map { "left out (\($0.count)): \($0.reason)" }.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n")
    }
}

extension LayoutFigures {
    /// Memory by part and bytes by axis.
    fileprivate var details: String {
        let parts = memory.parts.filter { $0.byteCount > 0 } + [.init(name: "total", byteCount: memory.total)]
        let memory = TextTable(
            header: ["PART", "FULLEST RANK"], rows: parts.map { [$0.name, ByteText.text($0.byteCount)] }).text
        guard !sent.isEmpty else { return memory }
        let axes = sent.sorted { $0.key < $1.key }
        return memory + "\n\n" + TextTable(
            header: ["AXIS", "SENT A STEP"], rows: axes.map { [$0.key.rawValue, ByteText.text($0.value)] }).text
    }
}
