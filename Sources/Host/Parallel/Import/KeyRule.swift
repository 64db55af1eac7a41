import JSON

/// What is to be done with one key of another tool's configuration.
indirect enum KeyRule {
    typealias Outcome = ImportedKey.Outcome
    typealias Verdict = (outcome: Outcome, note: String)

    /// An object with keys of its own.
    case section([String: KeyRule])
    /// An object whose keys all share the rule, or a single value.
    case whole(Verdict)
    /// A value; what "auto" means, nil where it means nothing; and what is done with any other.
    case value(auto: String?, (JSONValue, inout ImportDraft) -> Verdict?)
    /// Whatever else: the rule records what it finds itself.
    case custom((_ value: JSONValue, _ path: String, inout ImportDraft) -> Void)

    /// Has no effect, because...
    static func idle(_ note: String) -> KeyRule { .whole((.accepted, note)) }

    /// A number.
    static func number(auto: String? = nil, _ body: @escaping (Double, inout ImportDraft) -> Verdict) -> KeyRule {
        .value(auto: auto) { value, draft in value.double.map { body($0, &draft) } }
    }

    /// A whole number, of at least `least`.
    static func count(
        auto: String? = nil, least: Int = 1, _ body: @escaping (Int, inout ImportDraft) -> Verdict
    ) -> KeyRule {
        .value(auto: auto) { value, draft in
            // 5e8 is a whole number too.
            guard let number = value.double, let count = Int(exactly: number), count >= least else { return nil }
            return body(count, &draft)
        }
    }

    /// True or false; YAML files also write yes and no, and quote them.
    static func flag(auto: String? = nil, _ body: @escaping (Bool, inout ImportDraft) -> Verdict) -> KeyRule {
        .value(auto: auto) { value, draft in value.flag.map { body($0, &draft) } }
    }

    /// Text.
    static func text(auto: String? = nil, _ body: @escaping (String, inout ImportDraft) -> Verdict?) -> KeyRule {
        .value(auto: auto) { value, draft in value.string.flatMap { body($0, &draft) } }
    }

    /// True would change results; false, null and "auto" change nothing.
    static func refusedIfTrue(_ note: String) -> KeyRule {
        .value(auto: "off, as where nothing asks for it") { value, _ in
            value.flag.map { $0 ? (.refused, note) : (.accepted, "off") }
        }
    }

    /// An object that changes results unless its `enabled` is false; without the key it is on when `isOn`.
    static func feature(_ note: String, isOn: Bool = false) -> KeyRule {
        .custom { value, path, draft in
            let enabled = value.flag ?? value["enabled"]?.flag ?? (isOn && !value.members.isEmpty)
            draft.record(value, at: path, enabled ? (.refused, note) : (.accepted, "off"))
        }
    }
}

extension JSONValue {
    /// The truth value, also where YAML 1.1 or a careful user wrote a word.
    var flag: Bool? {
        if let bool { return bool }
        return switch string?.lowercased() {
        case "true", "yes": true
        case "false", "no": false
        default: nil
        }
    }
}
