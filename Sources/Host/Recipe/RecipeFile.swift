import Foundation
package import JSON
import PluginAPI
import Yams

/// Reads a recipe's YAML into an ordered value, and writes one back.
package enum RecipeFile {
    /// The recipe with overrides applied.
    /// - Throws: `InputError` for a file that cannot be read, is not YAML, or is not a mapping.
    static func read(_ path: String, overrides: [String]) throws -> JSONValue {
        try apply(overrides, to: parse(WholeFile.read(path, fix: "forktail train RECIPE.yaml"), name: path))
    }

    package static func parse(_ text: String, name: String) throws -> JSONValue {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw InputError(name, "is not YAML: \(error)")
        }
        guard let node, case .mapping = node else {
            throw InputError(name, "found no mapping at the top level, expected keys such as model, data, trainer")
        }
        return try value(of: node, name: name)
    }

    /// YAML text that reads back as the same value.
    package static func text(_ value: JSONValue) throws -> String {
        try Yams.serialize(node: node(of: value), sortKeys: false)
    }

    /// Sets `key.path=value` settings; the value is read as YAML.
    package static func apply(_ overrides: [String], to recipe: JSONValue) throws -> JSONValue {
        try overrides.reduce(recipe) { recipe, override in
            guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
                throw InputError(override, "is no setting, expected key.path=value", fix: "steps=100 optimizer.lr=1e-3")
            }
            let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let text = String(override[override.index(after: equals)...])
            let node: Node?
            do {
                node = try Yams.compose(yaml: text)
            } catch {
                throw InputError(override, "its value is not YAML: \(error)")
            }
            return set(try node.map { try value(of: $0, name: override) } ?? .null, at: path[...], in: recipe)
        }
    }

    /// Sets the value at a path of keys; objects on the way are made.
    static func set(_ new: JSONValue, at path: ArraySlice<String>, in value: JSONValue) -> JSONValue {
        guard let key = path.first else { return new }
        let base = value.members.isEmpty ? JSONValue.object([]) : value
        return base.setting(key, to: set(new, at: path.dropFirst(), in: base[key] ?? .object([])))
    }

    private static func value(of node: Node, name: String) throws -> JSONValue {
        switch node {
        case .mapping(let mapping):
            var members: [JSONValue.Member] = []
            for (key, item) in mapping {
                guard case .scalar(let scalar) = key else {
                    throw InputError(name, "line \(key.mark?.line ?? 0): a key must be text")
                }
                if members.contains(where: { $0.key == scalar.string }) {
                    throw InputError(name, "line \(scalar.mark?.line ?? 0): the key '\(scalar.string)' stands twice")
                }
                members.append(JSONValue.Member(scalar.string, try value(of: item, name: name)))
            }
            return .object(members)
        case .sequence(let sequence): return .array(try sequence.map { try value(of: $0, name: name) })
        case .scalar(let scalar): return value(of: scalar)
        case .alias: throw InputError(name, "YAML aliases are not supported in recipes")
        }
    }

    /// Plain scalars are null, true, false or numbers where they look so; everything else is text.
    private static func value(of scalar: Node.Scalar) -> JSONValue {
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        switch scalar.string {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        if let integer = Int(scalar.string) { return .integer(integer) }
        let looksNumeric = scalar.string.contains { $0.isNumber }
            && scalar.string.allSatisfy { "0123456789+-.eE".contains($0) }
        if looksNumeric, let number = Double(scalar.string) { return .double(number) }
        return .string(scalar.string)
    }

    private static func node(of value: JSONValue) throws -> Node {
        switch value {
        case .null: Node("null", Tag(.null))
        case .bool(let flag): Node(flag ? "true" : "false", Tag(.bool))
        case .number(let text): Node(text, Tag(text.contains { ".eE".contains($0) } ? .float : .int))
        case .string(let text):
            // Quoted where plain text would read back as something else.
            Node(text, Tag(.str), self.value(of: Node.Scalar(text)) == .string(text) ? .any : .doubleQuoted)
        case .array(let items): Node(try items.map(node), Tag(.seq), items.contains { !$0.members.isEmpty } ? .block : .flow)
        case .object(let members):
            Node(try members.map { (Node($0.key), try node(of: $0.value)) }, Tag(.map), members.isEmpty ? .flow : .block)
        }
    }
}
