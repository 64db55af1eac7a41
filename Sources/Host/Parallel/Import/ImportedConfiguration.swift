import Foundation
package import JSON
package import PluginAPI

/// Another tool's configuration as parts of a recipe, with what became of each of its keys.
package struct ImportedConfiguration: Sendable {
    /// Whose file it is.
    package enum Tool: String, Sendable {
        case deepSpeed = "DeepSpeed"
        case accelerate = "accelerate"
    }

    package let tool: Tool
    /// Parts of a recipe: `parallel`, `batch`, `clip_grad_norm`, `optimizer`, `scheduler`, `model.precision`, ...
    package let recipe: JSONValue
    /// In the order of the file; what was taken although no key says it comes last.
    package let keys: [ImportedKey]

    /// What would change results in a way that does not exist here: the first key of each reason.
    package var refusals: [InputProblem] {
        var reasons: Set<String> = []
        return keys.filter { $0.outcome == .refused && reasons.insert($0.note).inserted }
            .map { InputProblem($0.path, "\($0.value.text) is refused: \($0.note)") }
    }

    /// Reads a file, known by its content.
    /// - Parameters:
    ///   - text: JSON or YAML.
    ///   - name: of the file, for messages.
    ///   - rankCount: ranks in all, where the file does not say.
    ///   - read: reads another file that the first one names.
    /// - Throws: `InputError` for what is no such file, with every key that is unknown and every value that has no meaning.
    package init(
        _ text: String, name: String, rankCount: Int? = nil, read: (String) throws -> String = { try WholeFile.read($0) }
    ) throws {
        let value = try ImportedConfiguration.parse(text, name: name)
        tool = try ImportedConfiguration.tool(of: value, name: name)
        var draft = ImportDraft()
        draft.rankCount = rankCount
        switch tool {
        case .deepSpeed: ImportedConfiguration.readDeepSpeed(value, at: "", &draft)
        case .accelerate:
            draft.read(value, AccelerateFile.rules, at: "")
            if let path = draft.file {
                let file = try ImportedConfiguration.parse(read(path), name: path)
                ImportedConfiguration.readDeepSpeed(file, at: path, &draft)
            }
        }
        if let rankCount, let found = draft.rankCount, found != rankCount {
            draft.problems.append(InputProblem("--ranks", "found \(rankCount), the file says \(found)"))
        }
        draft.finish()
        if !draft.problems.isEmpty { throw InputError(draft.problems) }
        (recipe, keys) = (draft.recipe, draft.keys)
    }

    private static func parse(_ text: String, name: String) throws -> JSONValue {
        guard text.drop(while: \.isWhitespace).first == "{" else { return try RecipeFile.parse(text, name: name) }
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw InputError(name, "is not JSON: \(error)")
        }
    }

    private static func tool(of value: JSONValue, name: String) throws -> Tool {
        let keys = Set(value.members.map(\.key))
        if !keys.isDisjoint(with: ["distributed_type", "compute_environment"]) { return .accelerate }
        if !keys.isDisjoint(with: DeepSpeedFile.rules.keys) { return .deepSpeed }
        throw InputError(
            name, "is neither of DeepSpeed (train_batch_size, zero_optimization, ...) nor of accelerate "
                + "(distributed_type, ...); found \(keys.sorted().prefix(5).joined(separator: ", "))")
    }

    private static func readDeepSpeed(_ value: JSONValue, at place: String, _ draft: inout ImportDraft) {
        draft.read(value, DeepSpeedFile.rules, at: place)
        if value["gradient_clipping"] == nil, draft.recipe["clip_grad_norm"] == nil {
            draft.set("clip_grad_norm", .double(1))
            draft.assume(
                place.isEmpty ? "gradient_clipping" : "\(place).gradient_clipping",
                "absent: clip_grad_norm: 1.0, as in DeepSpeed since 0.19.3; earlier releases did not clip")
        }
    }
}
