import Core
import Foundation
import PluginAPI

/// Runs the first steps of a recipe on one rank and laid out over a mesh, and compares them.
struct LayoutVerification: Sendable {
    let recipe: Recipe
    let registry: Registry
    let precision: Precision

    /// Compares ranks that are threads of this process.
    /// - Parameter known: what one rank did, see `oneRank`; nil = that is to be found out too.
    /// - Throws: what the layout or a rank is refused for.
    func compare(_ layout: RunLayout, with known: RunTrace? = nil) throws -> TraceComparison {
        try check(layout)
        let whole = try known ?? oneRank()
        let threads = max(1, Machine.threadCount / layout.shape.rankCount)
        let parts = try Loopback.run(layout.shape, runtime: { try runtime(threads: threads) }) { mesh in
            try trace(mesh, layout)
        }
        return TraceComparison(whole, parts, tolerance)
    }

    /// Compares ranks that a launcher has started.
    /// - Returns: nil on all but the first.
    /// - Throws: what the layout or a rank is refused for.
    func compareLaunched(_ layout: RunLayout) throws -> TraceComparison? {
        try check(layout)
        let parts = try Ranks.run(layout.shape, runtime: runtime) { mesh in
            try mesh.world.gather(Array(try JSONEncoder().encode(trace(mesh, layout)))).map {
                try JSONDecoder().decode(RunTrace.self, from: Data($0))
            }
        }
        return try parts.map { TraceComparison(try oneRank(), $0, tolerance) }
    }

    /// What one rank does.
    func oneRank() throws -> RunTrace { try trace(.alone(runtime(threads: Machine.threadCount)), .alone) }

    private var tolerance: TraceComparison.Tolerance { .init(precision, lr: recipe.optimizerSettings.lr) }

    private func check(_ layout: RunLayout) throws {
        let problems = layout.problems(recipe, try TrainingInputs(recipe, registry))
        if !problems.isEmpty { throw InputError(problems) }
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
