import Core
import Foundation
import PluginAPI

/// Runs the first steps of a recipe on one rank and laid out over a mesh, and compares them.
struct LayoutVerification: Sendable {
    let recipe: Recipe
    let registry: Registry
    let layout: RunLayout
    let precision: Precision
    /// Whether the ranks are processes that a launcher has started, instead of threads.
    let usesLaunchedRanks: Bool

    /// - Returns: nil on launched ranks but the first.
    /// - Throws: what the recipe, the layout or a rank is refused for.
    func run() throws -> TraceComparison? {
        let inputs = try TrainingInputs(recipe, registry)
        let problems = layout.problems(recipe, inputs.source.configuration)
        if !problems.isEmpty { throw InputError(problems) }
        let tolerance = TraceComparison.Tolerance(precision, lr: recipe.optimizerSettings.lr)
        let body: @Sendable (Mesh) throws -> [RunTrace] = { mesh in [try trace(mesh, layout)] }
        guard usesLaunchedRanks else {
            let whole = try trace(.alone(runtime(threads: Machine.threadCount)), RunLayout.alone)
            let threads = max(1, Machine.threadCount / layout.shape.rankCount)
            let parts = try Loopback.run(layout.shape, runtime: { try runtime(threads: threads) }, body).flatMap { $0 }
            return TraceComparison(whole, parts, tolerance)
        }
        let parts = try Ranks.run(layout.shape, runtime: runtime) { mesh in
            try mesh.world.gather(Array(try JSONEncoder().encode(trace(mesh, layout)))).map {
                try JSONDecoder().decode(RunTrace.self, from: Data($0))
            }
        }
        return try parts.map {
            TraceComparison(try trace(.alone(runtime(threads: Machine.threadCount)), RunLayout.alone), $0, tolerance)
        }
    }

    private func runtime(threads: Int) throws -> Runtime { try .make(precision, threads: threads) }

    /// What one rank's run leaves. Each rank opens the recipe's parts for itself, as in a process of its own.
    private func trace(_ mesh: Mesh, _ layout: RunLayout) throws -> RunTrace {
        let inputs = try TrainingInputs(recipe, registry)
        let rank = try RankRun(
            recipe, registry, inputs, layout.plan(mesh, inputs.source.configuration), precision: precision)
        let recorder = TraceRecorder(rank)
        let run = rank.run(recorder)
        if let trainer = run.trainer as? any HasLoop { try trainer.run(run) } else { try StandardLoop().run(run) }
        return recorder.trace
    }
}
