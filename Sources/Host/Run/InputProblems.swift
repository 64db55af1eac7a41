import PluginAPI

/// Gathers what is wrong with several inputs, so that all of it is told at once.
struct InputProblems {
    private var problems: [InputProblem] = []

    /// The body's result, nil when its input was wrong.
    /// - Parameter place: where the input stands in the recipe.
    /// - Throws: what is not the input's fault.
    mutating func attempt<Value>(_ place: String, _ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch let error as InputError {
            problems += error.problems
        } catch where ExitStatus(of: error) == .wrongInput {
            problems.append(InputProblem(place, "\(error)"))
        }
        return nil
    }

    mutating func add(_ problem: InputProblem) { problems.append(problem) }

    /// - Throws: `InputError` with everything that was found.
    func end() throws {
        if !problems.isEmpty { throw InputError(problems) }
    }
}
