import JSON
import PluginAPI

/// What changed between the recipe of a checkpoint and the one that is to go on with it.
enum RecipeDrift {
    /// Lines `key: was A, now B` for every key that may not change silently.
    static func differences(from old: JSONValue, to new: JSONValue) -> [String] {
        let (before, after) = (flatten(old), flatten(new))
        return Set(before.keys).union(after.keys).sorted().compactMap { key in
            let isFree = Recipe.freeKeys.contains { key == $0 || key.hasPrefix($0 + ".") }
            guard !isFree, before[key] != after[key] else { return nil }
            return "\(key): was \(before[key] ?? "absent"), now \(after[key] ?? "absent")"
        }
    }

    /// Every setting by its path of keys, as text.
    static func flatten(_ value: JSONValue, _ prefix: String = "") -> [String: String] {
        guard case .object(let members) = value else { return [prefix: value.text] }
        return members.reduce(into: [:]) { all, member in
            let key = prefix.isEmpty ? member.key : prefix + "." + member.key
            all.merge(flatten(member.value, key)) { $1 }
        }
    }
}
