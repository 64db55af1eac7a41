import Forks
import Foundation
import JSON
import PluginAPI

/// The files that a fork starts from, and where they are from.
struct ParentSource {
    let manifest: PluginManifest
    let commit: String
    /// The git tree of the folder.
    let tree: String
    let files: [TreeFile]
    /// How messages call the folder.
    let shown: String
    /// The folder in the repository that it was found in; nil for one that came with the installation.
    let folder: PluginFolder?

    /// As committed in a repository.
    init(_ folder: PluginFolder) async throws {
        try await folder.checkClean("a fork starts from a commit")
        (commit, tree) = try await folder.committed()
        (manifest, shown, self.folder) = (folder.manifest, folder.shown, folder)
        files = try await TreeFile.list(of: tree, in: folder.git)
    }

    /// As it came with the installation (`PluginSDK`).
    /// - Returns: nil when the SDK does not have it.
    init?(_ id: PluginID, installed sdk: PluginSDK) async throws {
        guard let folder = try sdk.pluginFolder(of: id), let commit = sdk.commit else { return nil }
        let files = FileManager.default
        let names = try files.subpathsOfDirectory(atPath: folder.path).filter { name in
            var isFolder: ObjCBool = false
            return files.fileExists(atPath: folder.appending(path: name).path, isDirectory: &isFolder) && !isFolder.boolValue
        }
        let text = try String(contentsOf: folder.appending(path: "plugin.json"), encoding: .utf8)
        manifest = try PluginManifest(text, file: folder.path + "/plugin.json")
        (self.commit, shown, self.folder) = (commit, folder.path, nil)
        self.files = try names.sorted().map { name in
            TreeFile(path: name, mode: "100644", contents: Array(try Data(contentsOf: folder.appending(path: name))))
        }
        tree = try await TemporaryFolder.with { scratch in
            let git = Git(scratch.path)
            try await git.change(["init", "--quiet", "--template="])
            try await git.change(["--work-tree=\(folder.path)", "add", "--force", "--all", "."])
            return try await git.change(["write-tree"]).text
        }
    }
}
