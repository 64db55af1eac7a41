import Foundation
import JSON
import PluginAPI

/// What a run's directory says of it: its recipe, its plugins and its figures.
package struct RunRecord: Sendable {
    /// How the user named the directory.
    package let path: String
    /// The resolved recipe.
    let recipe: JSONValue
    let plugins: PluginLock
    /// The figures of each step, in the order of steps.
    let lines: [(step: Int, figures: [String: Double])]

    /// - Throws: `InputError` for what is no directory of a run, or has no step yet.
    package init(_ path: String) throws {
        let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
        let fix = "give the directory of a run, e.g. runs/NAME"
        guard FileManager.default.fileExists(atPath: folder + "/metrics.jsonl") else {
            throw InputError(path, "is no directory of a run: it has no metrics.jsonl", fix: fix)
        }
        var problems = InputProblems()
        let recipe = try problems.attempt(path) {
            try RecipeFile.parse(WholeFile.read(folder + "/recipe.yaml", fix: fix), name: folder + "/recipe.yaml")
        }
        let plugins = try problems.attempt(path) { () throws -> PluginLock in
            let text = try WholeFile.read(folder + "/plugins.lock.json", fix: fix)
            do {
                return try PluginLock(JSONValue(parsing: text))
            } catch let error as JSONError {
                throw InputError(folder + "/plugins.lock.json", "is not JSON: \(error)")
            }
        }
        let lines = try problems.attempt(path) { try RunRecord.lines(folder + "/metrics.jsonl", fix) }
        try problems.end()
        guard let recipe, let plugins, let lines else { throw InputError(path, "cannot be read", fix: fix) }
        (self.path, self.recipe, self.plugins, self.lines) = (folder, recipe, plugins, lines)
    }

    /// A run that goes on may be in the middle of its last line, which is left out.
    private static func lines(_ file: String, _ fix: String) throws -> [(step: Int, figures: [String: Double])] {
        let text = try WholeFile.read(file, fix: fix)
        let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        var problems: [InputProblem] = []
        let lines = whole.enumerated().compactMap { number, line -> (step: Int, figures: [String: Double])? in
            let place = "\(file):\(number + 1)"
            do {
                let value = try JSONValue(parsing: String(line))
                if let step = value["step"]?.integer {
                    let figures = value.members.compactMap { member in member.value.double.map { (member.key, $0) } }
                    return (step, Dictionary(figures) { $1 })
                }
                problems.append(InputProblem(place, "found \(value.text.prefix(60)), expected an object with a step"))
            } catch {
                problems.append(InputProblem(place, "is not JSON: \(error)"))
            }
            return nil
        }
        if problems.isEmpty, lines.isEmpty { problems = [InputProblem(file, "has no step yet")] }
        if !problems.isEmpty { throw InputError(problems) }
        return lines
    }

    var seed: String { recipe["seed"]?.text ?? "-" }

    /// The figure's values by step; steps without it are left out.
    func series(_ metric: String) -> [(step: Int, value: Double)] {
        lines.compactMap { line in line.figures[metric].map { (line.step, $0) } }
    }

    /// One number for the run.
    ///
    /// Throughput is all tokens over all seconds; anything else is the mean over the last tenth of the steps that have it.
    func summary(of metric: String) -> Double? {
        if metric == "tokens_per_second" {
            let (tokens, seconds) = (series("tokens").map(\.value), series("seconds").map(\.value))
            let time = seconds.reduce(0, +)
            if !tokens.isEmpty, time > 0 { return tokens.reduce(0, +) / time }
        }
        let values = series(metric).map(\.value)
        guard !values.isEmpty else { return nil }
        let last = values.suffix(max(1, values.count / 10))
        return last.reduce(0, +) / Double(last.count)
    }
}
