import DataLoader
import PluginAPI
import Text

/// Collects what is wrong with single lines, so that a user sees more than the first of them.
struct LineProblems {
    private var problems: [InputProblem] = []
    private static let limit = 20

    /// Calls `body`; keeps what is wrong with its line.
    /// - Returns: nil when the line was wrong.
    mutating func collect<Value>(at place: @autoclosure () -> String, _ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch let error as SampleError {
            problems.append(InputProblem(error.sample, "column '\(error.column)': \(error.problem)"))
        } catch let error as DataError {
            problems.append(InputProblem(place(), error.message, fix: error.hint))
        } catch let error as InputError {
            // What is wrong with every line is said once.
            problems += error.problems.filter { !problems.contains($0) }
        } catch let error as TokenizerError {
            problems.append(InputProblem(place(), error.message, fix: error.hint))
        }
        if problems.count >= LineProblems.limit { try check() }
        return nil
    }

    /// - Throws: `InputError` when something was wrong.
    func check() throws {
        if !problems.isEmpty { throw InputError(problems) }
    }

    var isEmpty: Bool { problems.isEmpty }
}
