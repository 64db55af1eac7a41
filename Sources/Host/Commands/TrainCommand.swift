import ArgumentParser
import Core
import Foundation
import JSON
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
        let launched = try RankEnvironment.discover(Machine.environment)
        let operations = profile && (launched?.rank ?? 0) == 0 ? OperationRecorder() : nil
        guard let launched, launched.rankCount > 1 else {
            let (job, layout) = try self.job(isHeld: false, startedRanks: 1)
            let runtime = try Runtime.make(Precision(recipe: job.recipe.model.precision), recorder: operations)
            return try job.run(.alone(runtime), layout, operations)
        }
        // Ranks meet before anything can be wrong on one of them, so that what is wrong is said once.
        let (transport, threads) = try Ranks.meet(launched)
        let world = Mesh(MeshShape([.data: launched.rankCount]), Ranks.link(transport, Runtime(ReferenceBackend())))
        let (job, layout, runtime) = try RankGate(world.world).together { () throws -> (TrainingJob, RunLayout, Runtime) in
            let (job, layout) = try self.job(isHeld: launched.rank > 0, startedRanks: launched.rankCount)
            try RankExpectation.checkNodes(world.world, Machine.environment)
            let runtime = try Runtime.make(
                Precision(recipe: job.recipe.model.precision), threads: threads, recorder: operations)
            return (job, layout, runtime)
        }
        try job.run(Mesh(layout.shape, Ranks.link(transport, runtime)), layout, operations)
        transport.finish()
    }

    /// - Parameters:
    ///   - isHeld: whether another rank holds the run's directory.
    ///   - startedRanks: how many ranks there are.
    private func job(isHeld: Bool, startedRanks: Int) throws -> (TrainingJob, RunLayout) {
        let value = try RecipeFile.read(recipe, overrides: overrides)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        let layout = recipe.layout
        if layout.shape.rankCount != startedRanks {
            let sizes = layout.shape.axes.map { "\($0.rawValue) \(layout.shape[$0])" }.joined(separator: " x ")
            let command = (["train", self.recipe] + overrides).map(JobFile.shellWord).joined(separator: " ")
            throw InputError(
                "parallel", "\(sizes.isEmpty ? "the recipe" : sizes) asks for \(layout.shape.rankCount) "
                    + "\(layout.shape.rankCount == 1 ? "rank" : "ranks"), and \(startedRanks) "
                    + "\(startedRanks == 1 ? "was" : "were") started",
                fix: layout.shape.rankCount == 1
                    ? "start it without a launcher, or say how ranks share the work: parallel.data=\(startedRanks)"
                    : "forktail launch -n \(layout.shape.rankCount) -- \(command)")
        }
        let resume: TrainingJob.Resume = switch self.resume {
        case "latest": .latest
        case "never": .never
        default: .checkpoint(self.resume)
        }
        let job = TrainingJob(
            recipe: recipe, registry: registry,
            directory: try RunDirectory(runDirectory ?? "runs/\(recipe.name)", isHeld: isHeld),
            options: TrainingJob.Options(
                resume: resume, acceptsRecipeDrift: acceptsRecipeDrift, acceptsPluginDrift: acceptsPluginDrift,
                acceptsProductDrift: acceptsProductDrift))
        return (job, layout)
    }
}
