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
    var mesh: String?

    @Option(help: "Every layout of this many ranks, a line each, instead of one.")
    var ranks: Int?

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
        if (mesh == nil) == (ranks == nil) || (mpi && ranks != nil) {
            problems.append(
                InputProblem("--mesh", "expected one layout, or --ranks for every layout of threads", fix: "--mesh data=2"))
        }
        if let ranks, !(2...64).contains(ranks) {
            problems.append(InputProblem("--ranks", "found \(ranks), expected 2 to 64"))
        }
        if !problems.isEmpty { throw InputError(problems) }
        let given = overrides + ["steps=\(steps)", "model.precision=\(precision)"]
        let value = try RecipeFile.read(recipe, overrides: given)
        let registry = try Registry.forRecipe(value)
        let recipe = try RecipeReader.read(value, registry: registry)
        let verification = LayoutVerification(
            recipe: recipe, registry: registry, precision: try Precision(recipe: precision))
        if let ranks { return try verifyAll(ranks, verification, registry) }
        guard let mesh else { return }
        let layout = try RunLayout(mesh: mesh, registry)
        let comparison = try mpi
            ? verification.compareLaunched(layout) : verification.compare(layout)
        guard let comparison else { return }
        print(json ? comparison.json.text : comparison.text)
        guard comparison.holds else {
            let first = comparison.firstDivergence.map { ", first in \($0)" } ?? ""
            StandardError.write("the layout \(mesh) differs from one rank\(first)")
            throw CommandEnded(status: .answerIsNo)
        }
    }

    /// One line a layout: whether it equals one rank, or why it is refused.
    private func verifyAll(_ ranks: Int, _ verification: LayoutVerification, _ registry: Registry) throws {
        let whole = try verification.oneRank()
        var counts = (equal: 0, different: 0, refused: 0)
        let configuration = try TrainingInputs(verification.recipe, registry).source.configuration
        for layout in try LayoutSearch.layouts(rankCount: ranks, of: configuration, registry) {
            let mesh = layout.mesh
            var row: (state: String, detail: String)
            do {
                let comparison = try verification.compare(layout, with: whole)
                row = comparison.holds
                    ? ("equal", "largest difference \(comparison.largestText)")
                    : ("DIFFERS", "first in \(comparison.firstDivergence ?? "the losses")")
                if comparison.holds { counts.equal += 1 } else { counts.different += 1 }
            } catch let error as InputError {
                row = ("refused", error.problems.map(\.message).joined(separator: "; "))
                counts.refused += 1
            }
            if json {
                let members: [JSONValue.Member] = [
                    .init("mesh", .string(mesh)), .init("state", .string(row.state)), .init("detail", .string(row.detail)),
                ]
                print(JSONValue.object(members).text)
            } else {
                print("\(row.state)  \(mesh)  \(row.detail)")
            }
        }
        StandardError.write("\(counts.equal) layouts equal one rank, \(counts.different) differ, \(counts.refused) refused")
        if counts.different > 0 { throw CommandEnded(status: .answerIsNo) }
    }
}
