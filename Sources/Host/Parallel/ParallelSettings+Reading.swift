import Core
package import JSON
package import PluginAPI

extension ParallelSettings {
    /// Reads the section; a bare number is `{size: n}` with the axis's default strategy.
    /// - Parameters:
    ///   - value: the section; nil = one rank.
    ///   - place: where it stands, for messages.
    ///   - problems: receives everything that is wrong with it.
    package init(_ value: JSONValue?, at place: String = "parallel", problems: inout [InputProblem]) {
        self.init()
        guard let value, value != .null else { return }
        guard case .object(let members) = value else {
            problems.append(
                InputProblem(place, "found \(value.text), expected axes such as {data: 2, tensor: {size: 2}}"))
            return
        }
        let known = ["data", "tensor", "pipeline", "context", "expert"]
        for member in members where !known.contains(member.key) {
            problems.append(ConfigSchema.unknownKey(member.key, at: place, known: known))
        }
        var reader = AxisReader(value: value, place: place)
        data = reader.axis("data", names: ["strategy": DataAxis.Strategy.allCases.map(\.rawValue)])
        tensor = reader.axis("tensor", names: [:])
        pipeline = reader.axis("pipeline", names: ["schedule": PipelineAxis.Schedule.allCases.map(\.rawValue)])
        context = reader.axis("context", names: ["strategy": ContextAxis.Strategy.allCases.map(\.rawValue)])
        expert = reader.axis("expert", names: [:])
        problems += reader.problems + valueProblems(at: place)
        // One form for the default, whether it was written or not.
        if pipeline.chunks == pipeline.schedule.standardChunkCount { pipeline.chunks = nil }
        if data.shard == data.size { data.shard = nil }
    }

    /// - Throws: `InputError` with everything that is wrong with the section, strategies of other plugins among it.
    init(section value: JSONValue?) throws {
        var problems: [InputProblem] = []
        self.init(value, problems: &problems)
        if !problems.isEmpty { throw InputError(problems) }
    }

    /// The section with every default filled in; it reads back as the same settings.
    package var resolved: JSONValue {
        func optional(_ number: Int?) -> JSONValue { number.map { .integer($0) } ?? .null }
        return .object([
            .init(
                "data",
                .object([
                    .init("size", .integer(data.size)), .init("strategy", .string(data.strategy.rawValue)),
                    .init("shard", optional(data.shard)), .init("prefetch", .integer(data.prefetch)),
                    .init("reshard", .bool(data.reshard)),
                ])),
            .init(
                "tensor", .object([.init("size", .integer(tensor.size)), .init("sequence", .bool(tensor.sequence))])),
            .init(
                "pipeline",
                .object([
                    .init("size", .integer(pipeline.size)), .init("schedule", .string(pipeline.schedule.rawValue)),
                    .init("chunks", .integer(pipeline.chunkCount)),
                    .init("layers", pipeline.layers.map { .array($0.map { .integer($0) }) } ?? .null),
                ])),
            .init(
                "context",
                .object([
                    .init("size", .integer(context.size)), .init("strategy", .string(context.strategy.rawValue)),
                ])),
            .init("expert", .object([.init("size", .integer(expert.size))])),
        ])
    }

    /// The section as a user would write it: axes of several ranks, with what is not default of them, and each strategy.
    package var short: JSONValue {
        let standard = ParallelSettings().resolved
        let axes = resolved.members.compactMap { axis -> JSONValue.Member? in
            guard axis.value["size"] != .integer(1) else { return nil }
            let keys = axis.value.members.filter {
                $0.key == "size" || $0.key == "strategy" || $0.value != standard[axis.key]?[$0.key]
            }
            return .init(axis.key, .object(keys))
        }
        return .object(axes)
    }

    /// What is wrong with the values whatever the model is.
    private func valueProblems(at place: String) -> [InputProblem] {
        var problems: [InputProblem] = []
        func atLeast(_ least: Int, _ found: Int?, _ key: String) {
            if let found, found < least {
                problems.append(InputProblem("\(place).\(key)", "found \(found), expected \(least) or more"))
            }
        }
        for (axis, size) in sizes.sorted(by: { $0.key < $1.key }) { atLeast(1, size, "\(axis.rawValue).size") }
        atLeast(0, data.prefetch, "data.prefetch")
        atLeast(1, data.shard, "data.shard")
        if let shard = data.shard, shard > 0, data.size > 0 {
            if data.strategy == .data {
                problems.append(
                    InputProblem(
                        "\(place).data.shard", "found \(shard), but strategy data cuts nothing",
                        fix: "\(place).data.strategy=zero1, or leave shard out"))
            } else if data.size % shard != 0 {
                problems.append(
                    InputProblem(
                        "\(place).data.shard", "found \(shard), expected a divisor of the \(data.size) data ranks"))
            }
        }
        let chunks = pipeline.chunkCount
        let fits = switch pipeline.schedule {
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1: chunks == 1
        case .interleaved: chunks >= 2
        case .zeroBubbleV: chunks == 2
        }
        if !fits {
            let expected = switch pipeline.schedule {
            case .gpipe, .zeroBubbleH1: "1"
            case .oneForwardOneBackward: "1; several chunks are schedule: interleaved"
            case .interleaved: "2 or more; one chunk is schedule: 1f1b"
            case .zeroBubbleV: "2"
            }
            problems.append(
                InputProblem(
                    "\(place).pipeline.chunks",
                    "found \(chunks) with schedule \(pipeline.schedule.rawValue), expected \(expected)"))
        }
        if let layers = pipeline.layers {
            if let wrong = layers.first(where: { $0 < 1 }) {
                problems.append(
                    InputProblem("\(place).pipeline.layers", "found \(wrong), expected 1 or more for each stage"))
            }
            if fits, pipeline.size > 0, layers.count != pipeline.stageCount {
                problems.append(
                    InputProblem(
                        "\(place).pipeline.layers",
                        "found \(layers.count) numbers for \(pipeline.stageCount) stages (\(pipeline.size) ranks x "
                            + "\(chunks) chunks)"))
            }
        }
        return problems
    }
}

/// Reads the axes of one section and gathers what is wrong with them.
private struct AxisReader {
    let value: JSONValue
    let place: String
    private(set) var problems: [InputProblem] = []

    init(value: JSONValue, place: String) { (self.value, self.place) = (value, place) }

    /// An axis; its defaults where it cannot be read.
    /// - Parameter names: what the keys that name something may be.
    mutating func axis<Axis: PluginConfig>(_ axis: String, names: [String: [String]]) -> Axis {
        let place = "\(place).\(axis)"
        guard var given = value[axis], given != .null else { return Axis.template }
        if given.number != nil { given = .object([.init("size", given)]) }
        guard case .object(let members) = given else {
            problems.append(InputProblem(place, "found \(given.text), expected a number of ranks, or keys as in {size: 2}"))
            return Axis.template
        }
        var kept = members
        for (key, known) in names.sorted(by: { $0.key < $1.key }) {
            guard let name = given[key], !known.contains(where: { name == .string($0) }) else { continue }
            let text = name.string ?? name.text
            let near = NearestName.of(text, in: known).map { "; did you mean '\($0)'?" } ?? ""
            problems.append(
                InputProblem("\(place).\(key)", "found '\(text)', expected \(known.joined(separator: " | "))\(near)"))
            kept.removeAll { $0.key == key }
        }
        do {
            let schema = try ConfigSchema(Axis.self)
            var found: [InputProblem] = []
            let resolved = schema.resolve(.object(kept), at: place, problems: &found)
            found += schema.typeProblems(in: resolved, at: place)
            problems += found
            return found.isEmpty ? try ConfigDecoder.decode(Axis.self, from: resolved, at: place) : Axis.template
        } catch let error as InputError {
            problems += error.problems
        } catch {
            problems.append(InputProblem(place, "\(error)"))
        }
        return Axis.template
    }
}
