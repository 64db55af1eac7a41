import Core
import JSON
import PluginAPI

/// The short form of the command line, `data=2:zero3,tensor=2:sequence`:
///
///     mesh   = axis *("," axis)
///     axis   = ("data" | "tensor" | "pipeline" | "context" | "expert") "=" size *(":" option)
///     option = name | key "=" value
///
/// A name alone is the axis's strategy or schedule, or `sequence`; values are those of the recipe, those of `layers`
/// joined by "+".
extension ParallelSettings {
    /// Reads the short form.
    /// - Throws: `InputError` with everything that is wrong with it.
    package init(mesh text: String, at place: String = "--mesh") throws {
        var problems: [InputProblem] = []
        var members: [JSONValue.Member] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            let head = words[0].split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard head.count == 2, let size = Int(head[1]) else {
                problems.append(
                    InputProblem(
                        place, "found '\(part)', expected AXIS=RANKS with options after colons",
                        fix: "\(place) data=2:zero3,tensor=2:sequence"))
                continue
            }
            if members.contains(where: { $0.key == head[0] }) {
                problems.append(InputProblem(place, "the axis '\(head[0])' stands twice"))
            }
            let options = words.dropFirst().map { ParallelSettings.option($0, of: head[0]) }
            members.append(.init(head[0], .object([.init("size", .integer(size))] + options)))
        }
        self.init(.object(members), at: place, problems: &problems)
        if !problems.isEmpty { throw InputError(problems) }
    }

    private static func option(_ text: String, of axis: String) -> JSONValue.Member {
        guard let equals = text.firstIndex(of: "=") else {
            // Whatever is no name of the axis is told by the reader, with the names that are.
            return switch axis {
            case "tensor", "expert": .init(text, .bool(true))
            case "pipeline": .init("schedule", .string(text))
            default: .init("strategy", .string(text))
            }
        }
        let (key, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
        if key == "layers" {
            let parts = value.split(separator: "+", omittingEmptySubsequences: false)
            return .init(key, .array(parts.map { part in Int(part).map { .integer($0) } ?? .string(String(part)) }))
        }
        return .init(key, Int(value).map { .integer($0) } ?? Bool(value).map { .bool($0) } ?? .string(value))
    }

    /// The short form of these settings, which reads back as the same; axes of one rank are left out, unless all are.
    package var mesh: String {
        var axes: [(size: Int, text: String)] = []
        func add(_ name: String, _ size: Int, _ options: [String?]) {
            axes.append((size, (["\(name)=\(size)"] + options.compactMap { $0 }).joined(separator: ":")))
        }
        add(
            "data", data.size,
            [
                data.strategy == .data ? nil : data.strategy.rawValue, data.shard.map { "shard=\($0)" },
                data.prefetch == 1 ? nil : "prefetch=\(data.prefetch)", data.reshard ? nil : "reshard=false",
            ])
        add("tensor", tensor.size, [tensor.sequence ? "sequence" : nil])
        add(
            "pipeline", pipeline.size,
            [
                pipeline.schedule.rawValue,
                pipeline.chunkCount == pipeline.schedule.standardChunkCount ? nil : "chunks=\(pipeline.chunkCount)",
                pipeline.layers.map { "layers=" + $0.map(String.init).joined(separator: "+") },
            ])
        add("context", context.size, [context.strategy.rawValue])
        add("expert", expert.size, [])
        let long = axes.filter { $0.size > 1 }
        return (long.isEmpty ? Array(axes.prefix(1)) : long).map(\.text).joined(separator: ",")
    }
}
