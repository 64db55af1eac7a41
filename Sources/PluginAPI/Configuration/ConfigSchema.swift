import Foundation
public import JSON

/// What a configuration can hold, as data: defaults, help and required keys.
public struct ConfigSchema: Sendable {
    /// The defaults, keys sorted.
    public let template: JSONValue
    public let help: [String: String]
    public let required: [String]
    private let problemOf: @Sendable (JSONValue, String) -> [InputProblem]

    public init<Config: PluginConfig>(_ type: Config.Type) throws {
        template = try ConfigSchema.settings(Config.template)
        help = Config.help
        required = Config.required
        problemOf = { settings, place in
            do {
                _ = try ConfigDecoder.decode(type, from: settings, at: place)
                return []
            } catch let error as InputError {
                return error.problems
            } catch {
                return [InputProblem(place, "\(error)")]
            }
        }
    }

    /// A configuration as a recipe would write it, keys sorted.
    static func settings(_ config: some PluginConfig) throws -> JSONValue {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(config)
        return try data.withUnsafeBytes { try JSONValue(parsing: $0) }
    }

    /// Every value of resolved settings that has the wrong type, each key looked at by itself.
    /// - Parameter place: where the settings stand, for messages ("trainer").
    public func typeProblems(in settings: JSONValue, at place: String) -> [InputProblem] {
        settings.members.flatMap { problemOf(template.setting($0.key, to: $0.value), place) }
    }

    /// The keys of the top level.
    public var keys: [String] {
        Set(template.members.map(\.key) + help.keys.filter { !$0.contains(".") }).sorted()
    }

    /// Lays `given` over the defaults.
    /// - Parameters:
    ///   - given: an object with the recipe's keys.
    ///   - place: where it stands, for messages ("trainer").
    ///   - alsoKnown: keys of the same object that are not this schema's (they are left out of the result).
    ///   - problems: receives unknown and missing keys.
    public func resolve(
        _ given: JSONValue, at place: String, alsoKnown: [String] = [], problems: inout [InputProblem]
    ) -> JSONValue {
        let own = JSONValue.object(given.members.filter { !alsoKnown.contains($0.key) })
        for key in required where given[key] == nil {
            problems.append(InputProblem("\(place).\(key)", "is missing: \(help[key] ?? "it has no default")"))
        }
        return merge(own, over: template, at: place, prefix: "", alsoKnown: alsoKnown, &problems)
    }

    private func merge(
        _ given: JSONValue, over base: JSONValue, at place: String, prefix: String, alsoKnown: [String],
        _ problems: inout [InputProblem]
    ) -> JSONValue {
        var members = base.members
        let nested = help.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            .filter { !$0.contains(".") }.map(String.init)
        let known = Set(members.map(\.key) + nested + alsoKnown)
        for member in given.members {
            let slot = members.firstIndex { $0.key == member.key }
            if let slot, case .object(let fields) = members[slot].value, !fields.isEmpty, case .object = member.value {
                let merged = merge(
                    member.value, over: members[slot].value, at: "\(place).\(member.key)",
                    prefix: prefix + member.key + ".", alsoKnown: [], &problems)
                members[slot] = JSONValue.Member(member.key, merged)
            } else if let slot {
                members[slot] = member
            } else if known.contains(member.key) {
                members.append(member)
            } else {
                problems.append(ConfigSchema.unknownKey(member.key, at: place, known: known))
            }
        }
        return .object(members)
    }

    /// The problem of a key that nothing knows, with the nearest known one.
    public static func unknownKey(_ key: String, at place: String, known: some Collection<String>) -> InputProblem {
        let near = NearestName.of(key, in: known)
        let names = known.sorted().joined(separator: ", ")
        let suggestion = near.map { "did you mean '\($0)'?" } ?? "known here: \(names)"
        return InputProblem(place.isEmpty ? key : "\(place).\(key)", "unknown key; \(suggestion)")
    }
}

/// Decodes resolved settings into the plugin's own type.
public enum ConfigDecoder {
    /// - Throws: `InputError` that names the key and what was expected.
    public static func decode<Config: Decodable>(_ type: Config.Type, from value: JSONValue, at place: String) throws
        -> Config
    {
        do {
            return try JSONDecoder().decode(type, from: Data(value.text.utf8))
        } catch let error as DecodingError {
            throw InputError([problem(error, value, place)])
        }
    }

    private static func problem(_ error: DecodingError, _ value: JSONValue, _ place: String) -> InputProblem {
        func position(_ path: [any CodingKey]) -> String {
            ([place] + path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }).joined(separator: ".")
                .replacingOccurrences(of: ".[", with: "[")
        }
        func found(_ path: [any CodingKey]) -> String {
            var current: JSONValue? = value
            for key in path {
                current = key.intValue.flatMap { index in
                    current?.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
                } ?? current?[key.stringValue]
            }
            return current?.text ?? "nothing"
        }
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return InputProblem(
                position(context.codingPath), "found \(found(context.codingPath)), expected \(name(of: type))")
        case .keyNotFound(let key, let context):
            return InputProblem(position(context.codingPath + [key]), "is missing")
        case .dataCorrupted(let context):
            return InputProblem(
                position(context.codingPath), "found \(found(context.codingPath)): \(context.debugDescription)")
        @unknown default:
            return InputProblem(place, "cannot be read: \(error)")
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is Int.Type, is UInt64.Type: "a whole number"
        case is Double.Type, is Float.Type: "a number"
        case is Bool.Type: "true or false"
        case is String.Type: "text"
        case is [Any].Type: "a list"
        default: "\(type)"
        }
    }
}
