import Core
package import JSON
import PluginAPI

/// Layouts as text: a recipe's section, and the short form of the command line, `data=2:zero3,tensor=2:sequence`:
///
///     mesh   = axis *("," axis)
///     axis   = ("data" | "tensor" | "pipeline" | "context" | "expert") "=" size *(":" option)
///     option = name | key "=" value
///
/// A name alone is a strategy, a schedule of the pipeline, or a setting that is switched on (`sequence`); values are
/// those of the recipe, lists joined by "+".
extension RunLayout {
    /// - Parameter text: the short form.
    /// - Throws: `InputError` with everything that is wrong with it.
    package init(mesh text: String, _ registry: Registry) throws {
        var problems = InputProblems()
        var members: [JSONValue.Member] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            let head = words[0].split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard head.count == 2, let size = Int(head[1]) else {
                problems.add(
                    InputProblem(
                        "--mesh", "found '\(part)', expected AXIS=RANKS with options after colons",
                        fix: "--mesh data=2:zero3,tensor=2:sequence"))
                continue
            }
            if members.contains(where: { $0.key == head[0] }) {
                problems.add(InputProblem("--mesh", "the axis '\(head[0])' stands twice"))
            }
            let options = words.dropFirst().map { RunLayout.option($0, of: head[0], registry) }
            members.append(.init(head[0], .object([.init("size", .integer(size))] + options)))
        }
        let layout = try problems.attempt("--mesh") { try RunLayout(.object(members), registry, at: "--mesh") }
        try problems.end()
        self = layout ?? .alone
    }

    private static func option(_ text: String, of axis: String, _ registry: Registry) -> JSONValue.Member {
        guard let equals = text.firstIndex(of: "=") else {
            if registry.names(of: .parallelism).contains(text) { return .init("strategy", .string(text)) }
            // Whatever is no name of the axis is told by the reader, with the names that are.
            return switch axis {
            case "tensor", "expert": .init(text, .bool(true))
            case "pipeline": .init("schedule", .string(text))
            default: .init("strategy", .string(text))
            }
        }
        let (key, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
        func read(_ value: Substring) -> JSONValue {
            Int(value).map { .integer($0) } ?? Bool(String(value)).map { .bool($0) } ?? .string(String(value))
        }
        let values = value.split(separator: "+", omittingEmptySubsequences: false).map(read)
        return .init(key, values.count == 1 ? values[0] : .array(values))
    }

    /// The short form, which reads back as the same; axes of one rank are left out, unless all are.
    package var mesh: String {
        let long = axes.filter { $0.size > 1 }.map(\.mesh)
        return long.isEmpty ? "data=1" : long.joined(separator: ",")
    }

    /// The section with every default filled in.
    package var resolved: JSONValue {
        .object(
            axes.map { axis in
                let head = [JSONValue.Member("size", .integer(axis.size)), .init("strategy", .string(axis.name))]
                return .init(axis.axis.rawValue, .object(head + axis.settings.members))
            })
    }

    /// The section as a user would write it: axes of several ranks, with what is not default of them.
    package var short: JSONValue {
        .object(
            axes.filter { $0.size > 1 }.map { axis in
                let strategy = axis.isNamed ? [JSONValue.Member("strategy", .string(axis.name))] : []
                return .init(
                    axis.axis.rawValue, .object([.init("size", .integer(axis.size))] + strategy + axis.changes))
            })
    }
}

extension RunLayout.Axis {
    /// Whether its strategy is another one than that of its own name.
    fileprivate var isNamed: Bool { name != axis.rawValue }

    /// Settings that are not the defaults.
    fileprivate var changes: [JSONValue.Member] {
        settings.members.filter { $0.value != .null && template[$0.key] != $0.value }
    }

    fileprivate var mesh: String {
        let options = changes.map { change -> String in
            switch change.value {
            case .bool(true) where axis == .tensor || axis == .expert: return change.key
            case .string(let text) where axis == .pipeline && change.key == "schedule": return text
            case .array(let values): return "\(change.key)=" + values.map(\.text).joined(separator: "+")
            default: return "\(change.key)=\(change.value.string ?? change.value.text)"
            }
        }
        return (["\(axis.rawValue)=\(size)"] + (isNamed ? [name] : []) + options).joined(separator: ":")
    }
}
