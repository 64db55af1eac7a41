import Core
import JSON
import PluginAPI

/// How a recipe's run is laid out over ranks: the mesh, and the strategies bound to its axes.
struct RunLayout: Sendable {
    /// A strategy and where it stands in the recipe.
    private struct Bound: Sendable {
        let axis: MeshAxis
        let strategy: any ParallelStrategy
    }

    let shape: MeshShape
    /// The recipe's section with every default filled in.
    let resolved: JSONValue
    /// In the order in which they refine a rank's plan: from the inside of blocks outwards.
    private let strategies: [Bound]

    /// The strategy of an axis that names none.
    private static func standard(_ axis: MeshAxis) -> String { axis == .context ? "ring" : axis.rawValue }

    /// - Parameter section: the recipe's `parallel:`; null = one rank.
    /// - Throws: `InputError` with everything that is wrong with it.
    init(_ section: JSONValue, _ registry: Registry) throws {
        var problems: [InputProblem] = []
        var sizes: [MeshAxis: Int] = [:]
        var bound: [Bound] = []
        var axes: [JSONValue.Member] = []
        for member in section.members {
            let place = "parallel.\(member.key)"
            guard let axis = MeshAxis(rawValue: member.key) else {
                problems.append(
                    ConfigSchema.unknownKey(member.key, at: "parallel", known: MeshAxis.allCases.map(\.rawValue)))
                continue
            }
            guard let size = member.value.integer ?? member.value["size"]?.integer, size > 0 else {
                problems.append(InputProblem(place, "found \(member.value.text), expected a number of ranks, at least 1"))
                continue
            }
            sizes[axis] = size
            let name = member.value["strategy"]?.string ?? RunLayout.standard(axis)
            // One rank needs no strategy, so it may be one that is not there.
            if size == 1, !registry.names(of: .parallelism).contains(name) { continue }
            do {
                let (strategy, settings) = try RunLayout.strategy(name, axis, member.value, at: place, registry)
                axes.append(
                    .init(
                        member.key,
                        .object([.init("size", .integer(size)), .init("strategy", .string(name))] + settings.members)))
                if size > 1 { bound.append(Bound(axis: axis, strategy: strategy)) }
            } catch let error as InputError { problems += error.problems }
        }
        if !problems.isEmpty { throw InputError(problems) }
        resolved = .object(axes)
        shape = MeshShape(sizes)
        let order: [MeshAxis] = [.tensor, .context, .expert, .pipeline, .data]
        strategies = order.flatMap { axis in bound.filter { $0.axis == axis } }
    }

    /// One rank.
    static let alone = RunLayout()

    private init() { (shape, resolved, strategies) = (MeshShape([:]), .object([]), []) }

    /// - Parameter text: the short form of the command line, `data=2:zero3,tensor=2`.
    /// - Throws: `InputError` with everything that is wrong with it.
    init(mesh text: String, _ registry: Registry) throws {
        var problems: [InputProblem] = []
        let section = ParallelSettings.section(mesh: text, at: "--mesh", problems: &problems)
        if !problems.isEmpty { throw InputError(problems) }
        try self.init(section, registry)
    }

    private static func strategy(
        _ name: String, _ axis: MeshAxis, _ value: JSONValue, at place: String, _ registry: Registry
    ) throws -> (any ParallelStrategy, settings: JSONValue) {
        let provider: Provider<StrategyFactory>
        do { provider = try registry.parallelism(name) } catch {
            throw InputError([InputProblem(place + ".strategy", "\(error)")])
        }
        guard provider.maker.axis == axis else {
            throw InputError(
                place + ".strategy", "'\(name)' divides the \(provider.maker.axis.rawValue) axis",
                fix: "parallel.\(provider.maker.axis.rawValue).strategy=\(name)")
        }
        var problems: [InputProblem] = []
        let settings = provider.schema.resolve(value, at: place, alsoKnown: ["size", "strategy"], problems: &problems)
        problems += provider.schema.typeProblems(in: settings, at: place)
        if !problems.isEmpty { throw InputError(problems) }
        return (try provider.make(settings, place), settings)
    }

    /// Everything that keeps a recipe's model and batch from being laid out like this.
    func problems(_ recipe: Recipe, _ configuration: DecoderConfiguration) -> [InputProblem] {
        let run = DividedRun(
            configuration: configuration, mesh: shape, microBatchSize: recipe.batch.micro ?? recipe.batch.size,
            batchSize: recipe.batch.size, sequenceLength: recipe.sequence.length)
        return strategies.flatMap { $0.strategy.problems(run) } + balanceProblems(recipe, configuration)
    }

    /// The balancing loss of experts is taken over a micro-batch, so every layout must have those of one rank.
    private func balanceProblems(_ recipe: Recipe, _ configuration: DecoderConfiguration) -> [InputProblem] {
        let coefficient = recipe.objective.settings.routerBalance ?? configuration.experts?.balanceCoefficient ?? 0
        let (ranks, size) = (shape[.data] * shape[.expert], recipe.batch.size)
        let micro = recipe.batch.micro ?? size
        if configuration.expertLayerCount == 0 || coefficient == 0 || ranks == 1 || size % (ranks * micro) == 0 { return [] }
        return [
            InputProblem(
                "batch", "\(size) samples over \(ranks) ranks are no whole micro-batches of \(micro), over which the balancing "
                    + "loss of experts is taken: it would be another loss than that of one rank",
                fix: "batch.size=\((size + ranks * micro - 1) / (ranks * micro) * ranks * micro), or objective.router_balance=0")
        ]
    }

    /// What one rank does. `problems` has found none.
    func plan(_ mesh: Mesh, _ configuration: DecoderConfiguration) -> RankPlan {
        var plan = RankPlan(mesh, configuration)
        for bound in strategies { bound.strategy.refine(&plan) }
        return plan
    }
}
