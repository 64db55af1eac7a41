import ArgumentParser
import Core
import JSON
import PluginAPI

struct ParallelVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Train a few steps on one rank and laid out over a mesh, and compare the two.",
        discussion: "Initial weights are equal bit for bit; losses, gradient norms, weights and optimizer states within a "
            + "tolerance. Ends with status 3 when they are not, naming the first tensor and step (Docs/parallelism.md).")

    @Argument(help: "The recipe, a YAML file (Docs/recipes.md).")
    var recipe: String

    @Argument(help: "Settings key.path=value.")
    var overrides: [String] = []

    @Option(help: "The layout: data=2:zero3,tensor=2[,...].")
    var mesh: String

    @Option(help: "Optimizer steps to compare.")
    var steps = 5

    @Option(help: "float64 | float32")
    var precision = "float64"

    @Flag(help: "The ranks are those that mpirun or srun has started, instead of threads of this process.")
    var mpi = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        var problems: [InputProblem] = []
        if steps < 1 { problems.append(InputProblem("--steps", "found \(steps), expected 1 or more")) }
        if !["float64", "float32"].contains(precision) {
            problems.append(InputProblem("--precision", "found '\(precision)', expected float64 | float32"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        let given = overrides + ["steps=\(steps)", "model.precision=\(precision)"]
        let value = try RecipeFile.read(recipe, overrides: given)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        let verification = LayoutVerification(
            recipe: recipe, registry: registry, layout: try RunLayout(mesh: mesh, registry),
            precision: try Precision(recipe: precision), usesLaunchedRanks: mpi)
        guard let comparison = try verification.run() else { return }
        print(json ? comparison.json.text : comparison.text)
        guard comparison.holds else {
            StandardError.write("the layout \(mesh) differs from one rank" + (comparison.firstDivergence.map { ", first in \($0)" } ?? ""))
            throw CommandEnded(status: .answerIsNo)
        }
    }
}
