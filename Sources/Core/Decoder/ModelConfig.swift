public import Foundation
public import JSON

/// A Hugging Face config.json: read by a model family, kept byte for byte, and saved unchanged beside trained weights.
public struct ModelConfig: Sendable {
    /// The file's bytes.
    public let source: Data
    public let values: JSONValue

    /// - Throws: `ModelConfigError` when the bytes are no JSON object.
    public init(_ source: Data) throws {
        self.source = source
        do {
            values = try source.withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch {
            throw ModelConfigError(problems: ["config.json is not JSON: \(error)"])
        }
        guard case .object = values else { throw ModelConfigError(problems: ["config.json is not a JSON object"]) }
    }

    /// What names the family, e.g. "llama".
    public var modelType: String? {
        values["model_type"]?.string
    }

    /// Reads a value out of the config, collecting all problems before throwing.
    public func read<Value>(_ body: (Reader) -> Value) throws -> Value {
        let reader = Reader(values, path: "")
        let value = body(reader)
        if !reader.problems.isEmpty { throw ModelConfigError(problems: reader.problems) }
        return value
    }
}

/// Everything that is wrong with a config.json.
public struct ModelConfigError: Error, Sendable, Hashable, CustomStringConvertible {
    public let problems: [String]

    public init(problems: [String]) { self.problems = problems }

    public var description: String {
        problems.count == 1
            ? "cannot use config.json: \(problems[0])"
            : "cannot use config.json:\n" + problems.map { "  - \($0)" }.joined(separator: "\n")
    }
}
