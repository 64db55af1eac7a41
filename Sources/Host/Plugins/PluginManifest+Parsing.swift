import JSON
import PluginAPI

extension PluginManifest {
    /// Reads `plugin.json`.
    /// - Parameters:
    ///   - text: the file's contents.
    ///   - file: how messages call the file.
    /// - Throws: `PluginError` (`invalidManifest`) with every problem.
    public init(_ text: String, file: String) throws {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: text)
        } catch {
            throw PluginError.invalidManifest(file, [InputProblem("plugin.json", "\(error)")])
        }
        var reader = ManifestReader()
        guard let manifest = PluginManifest(json, &reader), reader.problems.isEmpty else {
            throw PluginError.invalidManifest(file, reader.problems)
        }
        self = manifest
    }

    private init?(_ json: JSONValue, _ reader: inout ManifestReader) {
        guard case .object = json else {
            reader.problem("plugin.json", "found \(json.text), expected an object")
            return nil
        }
        let keys = [
            "schema", "id", "version", "api", "summary", "license", "principal", "provides", "requires", "lineage",
            "releases",
        ]
        reader.checkKeys(json, known: keys, at: "")
        if json["schema"]?.integer != 1 {
            reader.problem("schema", "found \(json["schema"]?.text ?? "nothing"), expected 1")
        }
        let id = reader.id(json, "id", at: "")
        let version = reader.version(json, "version", at: "")
        let api = reader.text(json, "api", at: "").flatMap { text in
            InterfaceVersion(text).orElse { reader.problem("api", "found '\(text)', expected major.minor, e.g. \"0.1\"") }
        }
        let summary = reader.text(json, "summary", at: "")
        let license = reader.text(json, "license", at: "")
        let principal = reader.principal(json)
        let provides = reader.list(json, "provides", required: true).map { reader.provision($0, $1, of: id) }
        if json["provides"]?.array?.isEmpty == true { reader.problem("provides", "is empty; a plugin provides something") }
        let requires = reader.list(json, "requires").map { reader.requirement($0, $1) }
        let lineage = reader.list(json, "lineage").map { reader.ancestor($0, $1) }
        var releases: [String: String] = [:]
        for member in json["releases"]?.members ?? [] { releases[member.key] = member.value.string }
        guard let id, let version, let api, let summary, let license, let principal else { return nil }
        self.init(
            id: id, version: version, api: api, summary: summary, license: license, principal: principal,
            provides: provides.compactMap { $0 }, requires: requires.compactMap { $0 },
            lineage: lineage.compactMap { $0 }, releases: releases, json: json)
    }
}

extension Optional {
    /// Runs `body` when there is nothing.
    fileprivate func orElse(_ body: () -> Void) -> Self {
        if self == nil { body() }
        return self
    }
}

/// Reads the parts of a manifest and keeps every problem.
private struct ManifestReader {
    var problems: [InputProblem] = []

    mutating func problem(_ place: String, _ message: String) { problems.append(InputProblem(place, message)) }

    private func place(_ key: String, _ parent: String) -> String { parent.isEmpty ? key : "\(parent).\(key)" }

    mutating func checkKeys(_ json: JSONValue, known: [String], at parent: String) {
        var seen: Set<String> = []
        for member in json.members {
            if !known.contains(member.key) {
                problems.append(ConfigSchema.unknownKey(member.key, at: parent, known: known))
            } else if !seen.insert(member.key).inserted {
                problem(place(member.key, parent), "is written twice")
            }
        }
    }

    mutating func text(_ json: JSONValue, _ key: String, at parent: String) -> String? {
        guard let value = json[key] else {
            problem(place(key, parent), "is missing")
            return nil
        }
        guard let text = value.string, !text.isEmpty else {
            problem(place(key, parent), "found \(value.text), expected text")
            return nil
        }
        return text
    }

    mutating func id(_ json: JSONValue, _ key: String, at parent: String) -> PluginID? {
        guard let text = text(json, key, at: parent) else { return nil }
        do {
            return try PluginID(text)
        } catch {
            problem(place(key, parent), error.message)
            return nil
        }
    }

    mutating func version(_ json: JSONValue, _ key: String, at parent: String) -> SemanticVersion? {
        guard let text = text(json, key, at: parent) else { return nil }
        let version = SemanticVersion(text)
        if version == nil { problem(place(key, parent), "found '\(text)', expected a version such as \"0.4.0\"") }
        return version
    }

    mutating func principal(_ json: JSONValue) -> String? {
        guard let text = text(json, "principal", at: "") else { return nil }
        // It is pasted into generated source, so nothing but a type's name may pass.
        let isName = text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            part.first.map { $0.isLetter || $0 == "_" } == true
                && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
        if !isName { problem("principal", "found '\(text)', expected the name of a Swift type") }
        return isName ? text : nil
    }

    mutating func list(_ json: JSONValue, _ key: String, required: Bool = false) -> [(JSONValue, String)] {
        guard let value = json[key] else {
            if required { problem(key, "is missing") }
            return []
        }
        guard let array = value.array else {
            problem(key, "found \(value.text), expected a list")
            return []
        }
        return array.enumerated().map { ($1, "\(key)[\($0)]") }
    }

    mutating func kind(_ json: JSONValue, at parent: String) -> PluginKind? {
        guard let text = text(json, "kind", at: parent) else { return nil }
        do {
            return try PluginID.kind(text)
        } catch {
            problem(place("kind", parent), error.message)
            return nil
        }
    }

    mutating func name(_ json: JSONValue, at parent: String) -> String? {
        guard let name = text(json, "name", at: parent) else { return nil }
        if !PluginID.isWord(name) {
            problem(
                place("name", parent),
                "found '\(name)', expected lower-case letters, digits, '-' and '_', a letter first")
            return nil
        }
        return name
    }

    mutating func provision(_ json: JSONValue, _ parent: String, of owner: PluginID?) -> PluginManifest.Provision? {
        checkKeys(json, known: ["kind", "name", "replaces", "deprecated"], at: parent)
        let (kind, name) = (kind(json, at: parent), name(json, at: parent))
        if let kind, kind.isReserved {
            problem(place("kind", parent), "the kind '\(kind.rawValue)' is reserved: nothing can provide it yet")
        }
        let replaces = json["replaces"] == nil ? nil : id(json, "replaces", at: parent)
        if let replaces, let kind, let name, replaces.kind != kind || replaces.name != name {
            problem(
                place("replaces", parent),
                "found '\(replaces)', expected something of the same kind and name: publisher.\(kind.rawValue).\(name)")
        }
        let deprecated = json["deprecated"]?.array?.compactMap(\.string) ?? []
        guard let owner, let kind, let name else { return nil }
        return PluginManifest.Provision(
            id: PluginID(publisher: owner.publisher, kind: kind, name: name), replaces: replaces,
            deprecated: deprecated)
    }

    mutating func requirement(_ json: JSONValue, _ parent: String) -> PluginManifest.Requirement? {
        checkKeys(json, known: ["kind", "name"], at: parent)
        guard let kind = kind(json, at: parent), let name = name(json, at: parent) else { return nil }
        return PluginManifest.Requirement(kind: kind, name: name)
    }

    mutating func ancestor(_ json: JSONValue, _ parent: String) -> PluginManifest.Ancestor? {
        checkKeys(json, known: ["id", "version", "commit", "tree"], at: parent)
        let hash = { (key: String, reader: inout ManifestReader) -> String? in
            guard let text = reader.text(json, key, at: parent) else { return nil }
            if text.count == 40, text.allSatisfy(\.isHexDigit) { return text }
            reader.problem("\(parent).\(key)", "found '\(text)', expected 40 hexadecimal digits")
            return nil
        }
        let (id, version) = (id(json, "id", at: parent), version(json, "version", at: parent))
        let (commit, tree) = (hash("commit", &self), hash("tree", &self))
        guard let id, let version, let commit, let tree else { return nil }
        return PluginManifest.Ancestor(id: id, version: version, commit: commit, tree: tree)
    }
}
