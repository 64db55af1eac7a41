import Core
import Foundation
import JSON

/// The files under Tests/Reference/goldens (Tests/Reference/README.md says what they are).
enum Golden {
    static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let architectures = [
        "llama", "llama3-scaled", "qwen2", "qwen3", "smollm3", "mistral", "gpt2", "mixtral", "qwen3-moe",
    ]

    static func path(_ name: String) -> String { packageRoot + "/Tests/Reference/goldens/" + name }

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: String(contentsOfFile: path(name), encoding: .utf8))
    }

    static func lines(_ name: String) throws -> [JSONValue] { try JSONFile.lines(path(name)) }

    /// Every tensor of a safetensors file in float64.
    static func tensors(at path: String) throws -> [String: [Double]] {
        let file = try SafeTensorsFile(path)
        let runtime = Runtime(ReferenceBackend())
        return try Dictionary(
            uniqueKeysWithValues: file.tensorNames.map { name in
                let tensor = runtime.zeros(try file.shape(of: name), .float64)
                try file.read(name, into: tensor)
                return (name, tensor.doubles())
            })
    }
}

enum JSONFile {
    static func lines(_ path: String) throws -> [JSONValue] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
    }

    /// The lines of a run's metrics without what time and memory say; numbers as they are written.
    static func metrics(_ run: String) throws -> [String] {
        let free = ["seconds", "tokens_per_second", "data_wait_seconds", "memory_peak_bytes"]
        return try lines(run + "/metrics.jsonl").map { line in
            JSONValue.object(line.members.filter { !free.contains($0.key) }).text
        }
    }
}

extension JSONValue {
    /// The numbers of a list; empty for anything else.
    var doubles: [Double] { array?.compactMap(\.double) ?? [] }
}

/// The norm of the difference over the norm of what is expected; infinite when the lengths differ.
func relativeNorm(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let difference = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = expected.reduce(0) { $0 + $1 * $1 }
    return difference == 0 ? 0 : (difference / size).squareRoot()
}

/// The largest |found - expected| / |expected|; infinite when the lengths differ.
func relativeMaximum(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).map { $0 == $1 ? 0 : abs($0 - $1) / abs($1) }.max() ?? 0
}

/// The largest |found - expected|; infinite when the lengths differ.
func absoluteMaximum(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).map { abs($0 - $1) }.max() ?? 0
}
