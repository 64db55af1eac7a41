import ArgumentParser
import Core
import JSON
import PluginAPI

struct MemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory", abstract: "What a recipe's training takes of each rank's memory, by part.",
        discussion: "Nothing is computed and no memory is taken: the first step is gone through and counted. "
            + "Ends with status 3 when it does not fit (Docs/memory.md).")

    @Argument(help: "The recipe, a YAML file (Docs/recipes.md).")
    var recipe: String

    @Argument(help: "Settings key.path=value.")
    var overrides: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let value = try RecipeFile.read(recipe, overrides: overrides)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        if recipe.layout.shape.rankCount > 1 {
            throw InputError(
                "parallel", "asks for \(recipe.layout.shape.rankCount) ranks, and this command looks at one",
                fix: "forktail parallel plan \(self.recipe)")
        }
        let plan = try MemoryPlan(recipe, registry, TrainingInputs(recipe, registry))
        print(json ? plan.json.text : plan.text)
        if !plan.fits { throw CommandEnded(status: .answerIsNo) }
    }
}

extension MemoryPlan {
    fileprivate var json: JSONValue {
        .object([
            .init("ranks", .integer(1)),
            .init("estimated_bytes", estimate.json),
            .init("available_bytes", available.map { .integer($0) } ?? .null),
            .init("fits", .bool(fits)),
            .init(
                "alternatives",
                .array(
                    alternatives.map {
                        .object([.init("settings", .string($0.settings)), .init("estimated_bytes", $0.estimate.json)])
                    })),
        ])
    }

    fileprivate var text: String {
        let parts = estimate.parts.filter { $0.byteCount > 0 } + [.init(name: "total", byteCount: estimate.total)]
        let table = TextTable(
            header: ["PART", "EACH RANK"], rows: parts.map { [$0.name, ByteText.text($0.byteCount)] }).text
        let limit = available.map { "\n\(ByteText.text($0)) are available" + (fits ? "" : ": it does not fit") } ?? ""
        let changes = alternatives.map { "\n  \($0.settings): \(ByteText.text($0.estimate.total))" }
        return table + limit + changes.joined()
    }
}
