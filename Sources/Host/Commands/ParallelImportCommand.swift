import ArgumentParser
import Foundation
import JSON
import PluginAPI

/// `forktail parallel import`: configurations of other tools.
struct ParallelImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "The parts of a recipe that a DeepSpeed or accelerate file asks for.",
        discussion: "Every key is honoured, accepted with a note, or refused because it would change results "
            + "(Docs/from-deepspeed.md). Ends with status 2 when one is refused.")

    @Argument(help: "A DeepSpeed JSON or an accelerate YAML, known by its content.")
    var file: String

    @Option(help: "Ranks in all, where the file does not say.")
    var ranks: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        if let ranks, ranks < 1 { throw InputError("--ranks", "found \(ranks), expected 1 or more") }
        let text = try WholeFile.read(file, fix: "forktail parallel import ds_config.json --ranks 8")
        let imported = try ImportedConfiguration(text, name: file, rankCount: ranks)
        print(json ? imported.json.text : try imported.text(name: file))
        if !imported.refusals.isEmpty { throw InputError(imported.refusals) }
    }
}

extension ImportedConfiguration {
    fileprivate var json: JSONValue {
        .object([
            .init("tool", .string(tool.rawValue)), .init("recipe", refusals.isEmpty ? recipe : .null),
            .init(
                "keys",
                .array(
                    keys.map {
                        .object([
                            .init("key", .string($0.path)), .init("value", $0.value),
                            .init("outcome", .string($0.outcome.rawValue)), .init("note", .string($0.note)),
                        ])
                    })),
        ])
    }

    /// YAML that a recipe can begin with, unless something is refused; what became of each key is in its comments.
    fileprivate func text(name: String) throws -> String {
        let lines = keys.map { key in
            let value = key.value == .null ? "" : " = \(key.value.text)"
            let outcome = key.outcome.rawValue + String(repeating: " ", count: 9 - key.outcome.rawValue.count)
            return "# \(outcome)\(key.path)\(value): \(key.note)"
        }
        let head = "# \(tool.rawValue) configuration \(name)"
        let parts = refusals.isEmpty ? [try RecipeFile.text(recipe).trimmingCharacters(in: .newlines)] : []
        return ([head] + lines + parts).joined(separator: "\n")
    }
}
