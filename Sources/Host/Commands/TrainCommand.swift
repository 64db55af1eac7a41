import ArgumentParser
import Foundation
import PluginAPI
import Text

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a model by a recipe; the same command again goes on where it stopped.",
        discussion: "Any key of the recipe can be overridden: forktail train recipe.yaml steps=100 optimizer.lr=1e-3")

    @Argument(help: "The recipe, a YAML file (Docs/recipes.md).")
    var recipe: String

    @Argument(help: "Settings key.path=value.")
    var overrides: [String] = []

    @Option(name: .customLong("run-dir"), help: "Where the run is kept (default: runs/<name>).")
    var runDirectory: String?

    @Option(help: "latest | never | the path of a checkpoint.")
    var resume = "latest"

    @Flag(name: .customLong("accept-recipe-drift"), help: "Resume although the recipe changed.")
    var acceptsRecipeDrift = false

    @Flag(name: .customLong("accept-plugin-drift"), help: "Resume although the plugin set changed.")
    var acceptsPluginDrift = false

    @Flag(
        name: .customLong("accept-product-drift"),
        help: "Resume although other libraries take matrix products (Docs/products.md).")
    var acceptsProductDrift = false

    @Flag(help: "Record one step: RUN_DIR/profile.json for ui.perfetto.dev, and a table of operations (Docs/profiling.md).")
    var profile = false

    func run() throws {
        if let ranks = try RankEnvironment.discover(Machine.environment), ranks.rankCount > 1 {
            throw InputError(
                "parallel", "\(ranks.launcher) started \(ranks.rankCount) ranks, and train uses one",
                fix: "start it without a launcher")
        }
        let value = try RecipeFile.read(recipe, overrides: overrides)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        try recipe.parallel.checkTraining()
        let resume: TrainingJob.Resume = switch self.resume {
        case "latest": .latest
        case "never": .never
        default: .checkpoint(self.resume)
        }
        let job = TrainingJob(
            recipe: recipe, registry: registry, directory: try RunDirectory(runDirectory ?? "runs/\(recipe.name)"),
            options: TrainingJob.Options(
                resume: resume, acceptsRecipeDrift: acceptsRecipeDrift, acceptsPluginDrift: acceptsPluginDrift,
                acceptsProductDrift: acceptsProductDrift, profiles: profile))
        try job.run()
    }
}
