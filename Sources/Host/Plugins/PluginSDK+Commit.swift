import Forks
import Foundation

extension PluginSDK {
    /// The commit that the built-in plugins' sources are exactly; nil when they differ from it, or nobody knows.
    func pluginCommit() async throws -> String? {
        guard let root = sourceRoot, let git = try await PluginFolder.repository(at: root.path), git.directory == root.path
        else { return commit }
        let head = try await git.run(["rev-parse", "--verify", "--quiet", "HEAD"])
        let changes = try await git.read(["status", "--porcelain", "-z", "--", "Plugins"])
        return head.status == 0 && changes.bytes.isEmpty ? head.text : nil
    }
}
