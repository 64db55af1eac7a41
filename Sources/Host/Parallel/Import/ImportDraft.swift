import JSON
import PluginAPI

/// A configuration while it is read: what its keys became, and what is worked out from several of them at the end.
struct ImportDraft {
    private(set) var keys: [ImportedKey] = []
    var problems: [InputProblem] = []
    /// Parts of a recipe.
    private(set) var recipe = JSONValue.object([])
    var layout = ImportedLayout()
    var batch = Batch()
    /// What data ranks keep whole; and what the kind of run means where no key says it.
    var strategy: ImportedLayout.DataStrategy?
    var impliedStrategy = ImportedLayout.DataStrategy.data
    /// Ranks in all; nil = not known.
    var rankCount: Int?
    /// Machines that they lie on.
    var machineCount: Int?
    /// Whole copies of the model along the data axis, and ranks that share one.
    var replicaCount: Int?
    var shardCount: Int?
    /// Whether each machine has a whole copy of what is cut.
    var shardsWithinMachines = false
    /// What the learning rate rises to, where the schedule says it.
    var peakRate: JSONValue?
    /// Another configuration that a key names.
    var file: String?

    /// Samples of an optimizer step, of a micro-batch, and micro-batches of a step on each rank.
    struct Batch {
        var size: Int?
        var micro: Int?
        var accumulation: Int?
    }

    /// Goes through an object's keys; one without a rule is a problem.
    mutating func read(_ object: JSONValue, _ rules: [String: KeyRule], at place: String) {
        var seen: Set<String> = []
        for member in object.members {
            let path = place.isEmpty ? member.key : "\(place).\(member.key)"
            if !seen.insert(member.key).inserted {
                problems.append(InputProblem(path, "the key stands twice"))
            } else if let rule = rules[member.key] {
                apply(rule, to: member.value, at: path)
            } else {
                problems.append(ConfigSchema.unknownKey(member.key, at: place, known: rules.keys))
            }
        }
    }

    private mutating func apply(_ rule: KeyRule, to value: JSONValue, at path: String) {
        switch rule {
        case .whole(let verdict): record(value, at: path, verdict)
        case .custom(let body): body(value, path, &self)
        case .section(let rules):
            if value == .null || value == .object([]) {
                record(value, at: path, (.accepted, "nothing is asked for"))
            } else if case .object = value {
                read(value, rules, at: path)
            } else {
                problems.append(InputProblem(path, "found \(value.text), expected keys"))
            }
        case .value(let auto, let body):
            if value == .null {
                record(value, at: path, (.accepted, "nothing is asked for"))
            } else if value == .string("auto"), let auto {
                record(value, at: path, (.accepted, "auto: \(auto)"))
            } else if let verdict = body(value, &self) {
                record(value, at: path, verdict)
            } else {
                problems.append(InputProblem(path, "found \(value.text), which has no meaning here"))
            }
        }
    }

    /// Notes what became of a key; of an object, what became of each key inside.
    mutating func record(_ value: JSONValue, at path: String, _ verdict: KeyRule.Verdict) {
        if !value.members.isEmpty {
            for member in value.members { record(member.value, at: "\(path).\(member.key)", verdict) }
            return
        }
        keys.append(ImportedKey(path: path, value: value, outcome: verdict.outcome, note: verdict.note))
    }

    /// Notes what was taken although no key says it.
    mutating func assume(_ path: String, _ note: String) {
        keys.append(ImportedKey(path: path, value: .null, outcome: .accepted, note: note))
    }

    /// Sets the context axis, of which there is one.
    mutating func setContexts(_ count: Int, _ strategy: ImportedLayout.ContextStrategy) -> KeyRule.Verdict {
        guard count > 1 else { return (.accepted, "off") }
        guard layout.contextSize == 1 else {
            return (.refused, "sequences are shared in one way: a ring, or an exchange of heads")
        }
        (layout.contextSize, layout.contextStrategy) = (count, strategy)
        return (.honoured, "parallel.context: {size: \(count), strategy: \(strategy.rawValue)}")
    }

    /// Sets a part of the recipe, and tells so.
    @discardableResult
    mutating func set(_ key: String, _ value: JSONValue) -> KeyRule.Verdict {
        recipe = RecipeFile.set(value, at: key.split(separator: ".").map(String.init)[...], in: recipe)
        return (.honoured, "\(key): \(value.string ?? value.text)")
    }
}
