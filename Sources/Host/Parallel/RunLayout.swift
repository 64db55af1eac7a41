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
            if size == 1 { continue }
            do {
                bound.append(Bound(axis: axis, strategy: try RunLayout.strategy(axis, member.value, at: place, registry)))
            } catch let error as InputError { problems += error.problems }
        }
        if !problems.isEmpty { throw InputError(problems) }
        shape = MeshShape(sizes)
        let order: [MeshAxis] = [.tensor, .context, .expert, .pipeline, .data]
        strategies = order.flatMap { axis in bound.filter { $0.axis == axis } }
    }

    /// One rank.
    static let alone = RunLayout()

    private init() { (shape, strategies) = (MeshShape([:]), []) }

    /// - Parameter text: the short form of the command line, `data=2:zero3,tensor=2`.
    init(mesh text: String, _ registry: Registry) throws {
        let axes = text.split(separator: ",").map { part -> JSONValue.Member in
            let words = part.split(separator: ":").map(String.init)
            let head = words[0].split(separator: "=").map(String.init)
            let options = words.dropFirst().map { option -> JSONValue.Member in
                let pair = option.split(separator: "=").map(String.init)
                if pair.count == 2 { return .init(pair[0], Int(pair[1]).map { .integer($0) } ?? .string(pair[1])) }
                return .init(head[0] == "pipeline" ? "schedule" : head[0] == "tensor" ? option : "strategy",
                    head[0] == "tensor" ? .bool(true) : .string(option))
            }
            return .init(head[0], .object([.init("size", .integer(Int(head.last ?? "") ?? 0))] + options))
        }
        try self.init(.object(axes), registry)
    }

    private static func strategy(
        _ axis: MeshAxis, _ value: JSONValue, at place: String, _ registry: Registry
    ) throws -> any ParallelStrategy {
        let name = value["strategy"]?.string ?? standard(axis)
        let provider = try registry.parallelism(name)
        guard provider.maker.axis == axis else {
            throw InputError(
                place + ".strategy", "'\(name)' divides the \(provider.maker.axis.rawValue) axis",
                fix: "parallel.\(provider.maker.axis.rawValue).strategy=\(name)")
        }
        var problems: [InputProblem] = []
        let own = JSONValue.object(value.members.filter { $0.key != "size" && $0.key != "strategy" })
        let settings = provider.schema.resolve(own, at: place, alsoKnown: [], problems: &problems)
        problems += provider.schema.typeProblems(in: settings, at: place)
        if !problems.isEmpty { throw InputError(problems) }
        return try provider.make(settings, place)
    }

    /// Everything that keeps a recipe's model and batch from being laid out like this.
    func problems(_ recipe: Recipe, _ configuration: DecoderConfiguration) -> [InputProblem] {
        let run = DividedRun(
            configuration: configuration, mesh: shape, microBatchSize: recipe.batch.micro ?? recipe.batch.size,
            batchSize: recipe.batch.size, sequenceLength: recipe.sequence.length)
        return strategies.flatMap { $0.strategy.problems(run) }
    }

    /// What one rank does. `problems` has found none.
    func plan(_ mesh: Mesh, _ configuration: DecoderConfiguration) -> RankPlan {
        var plan = RankPlan(mesh, configuration)
        for bound in strategies { bound.strategy.refine(&plan) }
        return plan
    }
}
