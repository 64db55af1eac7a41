import Foundation
import JSON
import Testing

/// A git repository with copies of built-in plugins, in a folder that is gone afterwards.
final class PluginRepository {
    let scratch: Scratch
    /// The repository's folder.
    let root: String

    /// - Parameter plugins: folders below Plugins, e.g. "Schedulers/Constant".
    init(_ plugins: String...) throws {
        scratch = try Scratch()
        root = scratch.path("repository")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try prepare()
        for plugin in plugins {
            let target = URL(filePath: root + "/Plugins/" + plugin)
            try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: TestPlugins.root.appending(path: "Plugins/" + plugin), to: target)
        }
        try commit("start")
    }

    /// A second repository of the same folder of scratch files, without anything in it.
    init(beside other: PluginRepository, _ name: String) throws {
        scratch = other.scratch
        root = scratch.path(name)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try prepare()
    }

    private func prepare() throws {
        try git("init", "--quiet", "--initial-branch=main")
        try git("config", "user.name", "A Tester")
        try git("config", "user.email", "tester@example.org")
    }

    /// Runs git here.
    @discardableResult
    func git(_ arguments: String...) throws -> String {
        let outcome = try Executable.shell("cd \"$1\" && shift && exec git \"$@\"", [root] + arguments)
        try #require(outcome.status == 0, "git \(arguments): \(outcome.diagnostics)")
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// Runs forktail here.
    func forktail(_ arguments: String...) throws -> Executable.Outcome {
        try Executable.shell("cd \"$1\" && shift && exec \"$0\" \"$@\"", [root] + arguments)
    }

    func write(_ path: String, _ text: String) throws {
        let url = URL(filePath: root + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: false, encoding: .utf8)
    }

    func text(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }

    func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: text(path)) }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// Replaces a text that stands in a file.
    func replace(_ path: String, _ old: String, _ new: String) throws {
        let before = try text(path)
        try #require(before.contains(old), "\(path) does not hold \(old)")
        try write(path, before.replacingOccurrences(of: old, with: new))
    }

    @discardableResult
    func commit(_ message: String) throws -> String {
        try git("add", "--all")
        try git("commit", "--quiet", "-m", message)
        return try git("rev-parse", "HEAD")
    }

    /// Every file of a folder with its contents, those that git does not know too.
    func contents(_ folder: String) throws -> [String: String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root + "/" + folder)
        return try Dictionary(
            uniqueKeysWithValues: names.map { name in
                var isFolder: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: "\(root)/\(folder)/\(name)", isDirectory: &isFolder)
                return (name, isFolder.boolValue ? "(folder)" : try text("\(folder)/\(name)"))
            })
    }
}
