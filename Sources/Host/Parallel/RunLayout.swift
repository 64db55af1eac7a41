package import Core
package import JSON
package import PluginAPI

/// How a recipe's run is laid out over ranks: the mesh, and the strategies bound to its axes.
///
/// What a layout may be and what ranks do in it is said by the strategies alone, for training and for planning.
package struct RunLayout: Sendable {
    /// An axis that the recipe names.
    struct Axis: Sendable {
        let axis: MeshAxis
        let size: Int
        let name: String
        /// The strategy's, with every default filled in.
        let settings: JSONValue
        /// Its defaults.
        let template: JSONValue
        let strategy: any ParallelStrategy
    }

    package let shape: MeshShape
    let axes: [Axis]
    /// Of axes with several ranks, in the order in which they refine a rank's plan: from the inside of blocks outwards.
    private let strategies: [any ParallelStrategy]

    /// The strategy of an axis that names none.
    private static func standard(_ axis: MeshAxis) -> String { axis == .context ? "ring" : axis.rawValue }

    /// - Parameters:
    ///   - section: the recipe's `parallel:`; null = one rank. A bare number is `{size: n}`.
    ///   - registry: has the strategies.
    ///   - place: where the section stands, for messages.
    /// - Throws: `InputError` with everything that is wrong with it.
    package init(_ section: JSONValue, _ registry: Registry, at place: String = "parallel") throws {
        var problems = InputProblems()
        var sizes: [MeshAxis: Int] = [:]
        var axes: [Axis] = []
        switch section {
        case .object, .null: break
        default:
            problems.add(
                InputProblem(place, "found \(section.text), expected axes such as {data: 2, tensor: {size: 2}}"))
        }
        for member in section.members where member.value != .null {
            let known = MeshAxis.allCases.map(\.rawValue)
            guard let axis = MeshAxis(rawValue: member.key) else {
                problems.add(ConfigSchema.unknownKey(member.key, at: place, known: known))
                continue
            }
            _ = try problems.attempt(place) {
                guard let own = try RunLayout.axis(axis, member.value, registry, at: "\(place).\(member.key)") else { return }
                sizes[axis] = own.size
                axes.append(own)
            }
        }
        try problems.end()
        self.init(MeshShape(sizes), axes)
    }

    private init(_ shape: MeshShape, _ axes: [Axis]) {
        self.shape = shape
        func sorted(_ order: [MeshAxis]) -> [Axis] { order.flatMap { axis in axes.filter { $0.axis == axis } } }
        self.axes = sorted([.data, .expert, .tensor, .pipeline, .context])
        strategies = sorted([.tensor, .context, .expert, .pipeline, .data]).filter { $0.size > 1 }.map(\.strategy)
    }

    /// One rank.
    static let alone = RunLayout(MeshShape([:]), [])

    /// - Returns: nil for one rank on an axis that nothing is said about and no strategy divides.
    private static func axis(
        _ axis: MeshAxis, _ value: JSONValue, _ registry: Registry, at place: String
    ) throws -> Axis? {
        let given = value.number == nil ? value : .object([.init("size", value)])
        guard case .object = given else {
            throw InputError(place, "found \(value.text), expected a number of ranks, or keys as in {size: 2}")
        }
        guard let size = given["size"]?.integer, size > 0 else {
            throw InputError(
                "\(place).size", "\(given["size"].map { "found \($0.text)" } ?? "is missing"), expected 1 or more ranks")
        }
        if let name = given["strategy"], name.string == nil {
            throw InputError("\(place).strategy", "found \(name.text), expected a strategy's name")
        }
        let name = given["strategy"]?.string ?? standard(axis)
        if size == 1, given["strategy"] == nil, !registry.names(of: .parallelism).contains(name) { return nil }
        let provider: Provider<StrategyFactory>
        do { provider = try registry.parallelism(name) } catch {
            let known = try registry.names(of: .parallelism).filter { try registry.parallelism($0).maker.axis == axis }
            throw InputError(
                "\(place).strategy", "\(error)",
                fix: known.isEmpty ? "leave the axis out: nothing divides it here"
                    : "parallel.\(axis.rawValue).strategy=\(known.joined(separator: " | "))")
        }
        guard provider.maker.axis == axis else {
            throw InputError(
                "\(place).strategy", "'\(name)' divides the \(provider.maker.axis.rawValue) axis",
                fix: "parallel.\(provider.maker.axis.rawValue).strategy=\(name)")
        }
        var problems: [InputProblem] = []
        let settings = provider.schema.resolve(given, at: place, alsoKnown: ["size", "strategy"], problems: &problems)
        problems += provider.schema.typeProblems(in: settings, at: place)
        if !problems.isEmpty { throw InputError(problems) }
        return Axis(
            axis: axis, size: size, name: name, settings: settings, template: provider.schema.template,
            strategy: try provider.make(settings, place))
    }

    /// Everything that keeps a run from being divided like this, as the strategies see it.
    package func problems(_ run: DividedRun) -> [InputProblem] { strategies.flatMap { $0.problems(run) } }

    /// What one rank does. `problems` has found none.
    func plan(_ mesh: Mesh, _ configuration: DecoderConfiguration) -> RankPlan {
        var plan = RankPlan(mesh, configuration)
        for strategy in strategies { strategy.refine(&plan) }
        return plan
    }
}
