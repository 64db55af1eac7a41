import Foundation
import JSON
import PluginAPI

/// A workspace file: plugins that live outside the project, built and recorded by `forktail plugins sync`.
///
/// It is read only where a recipe or a command names it.
public struct PluginWorkspace: Sendable {
    /// As the user wrote it.
    let path: String
    /// The folder of the file; what relative paths in it are relative to.
    let folder: URL
    let entries: [Entry]

    /// Where one plugin comes from.
    enum Entry: Sendable, Hashable {
        case folder(String)
        /// A folder of a repository as it is in a commit.
        case git(url: String, commit: String, folder: String)

        var shown: String {
            switch self {
            case .folder(let path): path
            case .git(let url, let commit, let folder): "\(url) \(commit.prefix(12))\(folder.isEmpty ? "" : " \(folder)")"
            }
        }
    }

    /// A plugin's file as it was built, and what was recorded of it.
    public struct Built: Sendable, Hashable {
        /// The workspace that it belongs to.
        let workspace: String
        let file: URL
        /// How messages call the file.
        let shown: String
        /// SHA-256.
        let digest: String
        /// The commit of its sources; nil when they differ from every commit.
        let commit: String?
    }

    /// - Throws: `InputError` with every problem of the file.
    init(_ path: String) throws {
        self.path = path
        folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent()
        let json = try RecipeFile.parse(WholeFile.read(path, fix: "forktail plugins sync FILE.yaml"), name: path)
        var problems = json.members.filter { $0.key != "plugins" }
            .map { ConfigSchema.unknownKey($0.key, at: path, known: ["plugins"]) }
        var entries: [Entry] = []
        if let list = json["plugins"]?.array {
            for (number, value) in list.enumerated() {
                if let entry = Entry(value, at: "\(path): plugins[\(number)]", &problems) { entries.append(entry) }
            }
        } else {
            problems.append(
                InputProblem(path, "has no list 'plugins'", fix: "plugins: [{path: DIR}, {git: URL, commit: COMMIT, folder: DIR}]"))
        }
        if Set(entries).count < entries.count { problems.append(InputProblem(path, "names a plugin twice")) }
        if !problems.isEmpty { throw InputError(problems) }
        self.entries = entries
    }

    /// Beside the file: what was built from it.
    var lockFile: URL { folder.appending(path: "\(stem).lock.json") }
    /// Holds the libraries and the sources that were fetched.
    var cache: URL { folder.appending(path: ".forktail/\(stem)") }

    private var stem: String { (path as NSString).lastPathComponent.replacing(/\.ya?ml$/, with: "") }

    /// The plugins as they were built.
    /// - Throws: `PluginError` when they were not, or for something else than the workspace says now.
    func built() throws -> [Built] {
        let lock = try WorkspaceLock(of: self)
        guard lock.interface == PluginFile.hostFingerprint else {
            throw PluginError(
                .stale, "the plugins of \(path) were built for another interface than this forktail's",
                hint: "build them again: forktail plugins sync \(path)")
        }
        guard Set(lock.plugins.map(\.entry)) == Set(entries) else {
            throw PluginError(
                .drift, "\(path) has changed since its plugins were built", hint: "build them: forktail plugins sync \(path)")
        }
        return lock.plugins.map { plugin in
            Built(
                workspace: path, file: folder.appending(path: plugin.file), shown: plugin.file, digest: plugin.digest,
                commit: plugin.commit)
        }
    }
}

extension PluginWorkspace.Entry {
    fileprivate init?(_ value: JSONValue, at place: String, _ problems: inout [InputProblem]) {
        let before = problems.count
        let known = value["path"] == nil ? ["git", "commit", "folder", "path"] : ["path"]
        problems += value.members.filter { !known.contains($0.key) }
            .map { ConfigSchema.unknownKey($0.key, at: place, known: known) }
        if let path = value["path"]?.string, !path.isEmpty {
            self = .folder(path)
        } else if let url = value["git"]?.string, !url.isEmpty {
            let commit = value["commit"]?.string ?? ""
            if commit.wholeMatch(of: /[0-9a-f]{40}/) == nil {
                problems.append(
                    InputProblem("\(place).commit", "found '\(commit)', expected the 40 digits of a commit", fix: "git ls-remote \(url)"))
            }
            let folder = value["folder"]?.string ?? ""
            if folder.hasPrefix("/") || folder.split(separator: "/").contains("..") {
                problems.append(InputProblem("\(place).folder", "found '\(folder)', expected a folder below the repository's root"))
            }
            self = .git(url: url, commit: commit, folder: folder)
        } else {
            problems.append(InputProblem(place, "found \(value.text), expected {path: DIR} or {git: URL, commit: COMMIT, folder: DIR}"))
            return nil
        }
        if problems.count > before { return nil }
    }

    init?(_ json: JSONValue) {
        if let path = json["path"]?.string {
            self = .folder(path)
        } else if let url = json["git"]?.string, let commit = json["commit"]?.string {
            self = .git(url: url, commit: commit, folder: json["folder"]?.string ?? "")
        } else {
            return nil
        }
    }

    /// The members that name it.
    var members: [JSONValue.Member] {
        switch self {
        case .folder(let path): [.init("path", .string(path))]
        case .git(let url, let commit, let folder):
            [.init("git", .string(url)), .init("commit", .string(commit)), .init("folder", .string(folder))]
        }
    }
}
