import ArgumentParser
import Foundation
import Host
import JSON
import Testing

/// A temporary directory in which commands run; it vanishes with the value.
final class DataWorkspace {
    let root: String

    init() throws {
        root = NSTemporaryDirectory() + "forktail-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func path(_ name: String) -> String { root + "/" + name }

    /// Writes a file and returns its path.
    @discardableResult
    func file(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// Runs a command line and returns the lines of its results.
    @discardableResult
    func run(_ root: any ParsableCommand.Type, _ arguments: String...) throws -> [String] {
        try results(root, arguments)
    }

    /// Runs `forktail data ...`.
    func data(_ arguments: String...) throws -> [String] { try results(DataCommand.self, arguments) }

    /// - Parameter file: where the results go, to be read after a failure; a new file by default.
    @discardableResult
    func results(
        _ root: any ParsableCommand.Type, _ arguments: [String], to file: String? = nil
    ) throws -> [String] {
        let command = try #require(try root.parseAsRoot(arguments) as? any ResultCommand)
        let file = file ?? path("results-\(UUID().uuidString)")
        let output = try ResultOutput(file: file)
        try command.run(to: output)
        try output.finish()
        return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// A tokenizer learned from a few lines; <|endoftext|> is 0.
    func tokenizer() throws -> String {
        let text = try file("learn.txt", String(repeating: "the cat sat on the mat. 12 + 30 = 42\n", count: 20))
        try run(TokenizerCommand.self, "train", "--input", text, "--vocab-size", "290", "--output", path("tokenizer"))
        return path("tokenizer")
    }

    /// The samples of a data set, as `data cat --json` shows them.
    func samples(_ directory: String) throws -> [JSONValue] {
        try data("cat", directory, "--json").map { try JSONValue(parsing: $0) }
    }
}

extension JSONValue {
    var integers: [Int32]? { array?.compactMap { $0.integer.map(Int32.init) } }
}
