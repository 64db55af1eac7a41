import Forks
import Foundation
import PluginAPI

/// Whether a fork still works: what its notes say shows it, or that it compiles.
struct PluginCheck {
    let folder: URL
    /// Git at the root of the repository.
    let git: Git

    struct Result {
        let isFine: Bool
        /// What was run.
        let command: String
        let output: String
    }

    /// - Parameter command: what to run instead, by `sh` at the root of the repository.
    func run(_ command: String?) async throws -> Result {
        let commands = try command.map { [$0] } ?? verifications()
        for command in commands {
            let ending = try await ShellCommand(command).run(in: git.directory)
            if ending.status != 0 { return Result(isFine: false, command: command, output: ending.output) }
        }
        if !commands.isEmpty { return Result(isFine: true, command: commands.joined(separator: "; "), output: "") }
        let built = "forktail plugins build \(ShellWord.quoted(folder.path))"
        return try await TemporaryFolder.with { scratch in
            do {
                _ = try PluginBuilder().build(folder, output: scratch.appending(path: "plugin.so"))
                return Result(isFine: true, command: built, output: "")
            } catch let error as PluginError {
                return Result(isFine: false, command: built, output: "\(error)")
            }
        }
    }

    /// `Verify` of the entries of UPSTREAM.md that touch the folder.
    private func verifications() throws -> [String] {
        let notes = URL(filePath: git.directory).appending(path: UpstreamFile.name)
        let (root, file) = (git.directory + "/", folder.path + "/plugin.json")
        guard FileManager.default.fileExists(atPath: notes.path), file.hasPrefix(root) else { return [] }
        return try UpstreamFile(parsing: String(contentsOf: notes, encoding: .utf8)).entries
            .filter { $0.covers(String(file.dropFirst(root.count))) }.compactMap(\.verify)
    }
}
