import Forks
import Foundation
import PluginAPI

/// A file of a git tree.
struct TreeFile {
    let path: String
    /// As git writes it: 100644, 100755 or 120000 (a link).
    let mode: String
    let contents: [UInt8]

    /// Every file of a tree, those of the folders below it too.
    /// - Throws: `InputError` for a tree that holds a repository.
    static func list(of tree: String, in git: Git) async throws -> [TreeFile] {
        var files: [TreeFile] = []
        for entry in try await git.read(["ls-tree", "-r", "-z", tree]).fields {
            let parts = entry.split(separator: "\t", maxSplits: 1).map(String.init)
            let words = parts[0].split(separator: " ").map(String.init)
            guard parts.count == 2, words.count == 3, words[1] == "blob" else {
                throw InputError("tree \(tree)", "holds '\(parts.last ?? entry)', which is no file")
            }
            let contents = try await git.read(["cat-file", "blob", words[2]]).bytes
            files.append(TreeFile(path: parts[1], mode: words[0], contents: contents))
        }
        return files
    }

    /// Writes the file, and the folders that lead to it.
    func write(below folder: URL) throws {
        let url = folder.appending(path: path)
        let files = FileManager.default
        try files.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        if mode == "120000" {
            try files.createSymbolicLink(
                atPath: url.path, withDestinationPath: String(decoding: contents, as: UTF8.self))
            return
        }
        try Data(contents).write(to: url)
        if mode == "100755" { try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path) }
    }
}
