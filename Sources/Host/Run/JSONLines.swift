import Core
import Foundation
import JSON
import PluginAPI

/// Reads and writes files of one JSON object a line.
enum JSONLines {
    /// - Throws: `InputError` with every line that is no object.
    static func read(_ path: String) throws -> [JSONValue] {
        let text = try WholeFile.read(path)
        var values: [JSONValue] = []
        var problems: [InputProblem] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.allSatisfy(\.isWhitespace) {
            do {
                let value = try JSONValue(parsing: String(line))
                guard case .object = value else {
                    throw InputError("\(path):\(number + 1)", "found no JSON object")
                }
                values.append(value)
            } catch let error as InputError {
                problems += error.problems
            } catch {
                problems.append(InputProblem("\(path):\(number + 1)", "is not JSON: \(error)"))
            }
        }
        if !problems.isEmpty { throw InputError(problems) }
        return values
    }

    /// Writes atomically; to standard output when there is no path.
    static func write(_ values: [JSONValue], to path: String?) throws {
        let text = values.map { $0.text + "\n" }.joined()
        if let path {
            try AtomicFile.write(Data(text.utf8), to: path)
        } else {
            FileHandle.standardOutput.write(Data(text.utf8))
        }
    }

    /// Token ids of a column.
    /// - Throws: `InputError` when they are none.
    static func ids(_ value: JSONValue, at place: String) throws -> [Int32] {
        guard let items = value.array else { throw InputError(place, "found \(value.text.prefix(60)), expected a list of ids") }
        return try items.map { item in
            guard let id = item.integer.flatMap(Int32.init(exactly:)) else {
                throw InputError(place, "found \(item.text), expected a token id")
            }
            return id
        }
    }
}
