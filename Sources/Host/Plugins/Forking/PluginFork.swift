import Forks
import Foundation
import JSON
import PluginAPI

/// A copy of a plugin that knows where it came from: `forktail plugins fork`.
struct PluginFork {
    let parent: ParentSource
    let id: PluginID
    /// The folder that was written, as the user sees it.
    let shown: String
    /// The change's name in UPSTREAM.md, when the folder lies in a fork of a repository.
    let entry: String?

    /// Writes the fork; nothing is left of it when that fails.
    /// - Parameters:
    ///   - parent: the id of the plugin to copy.
    ///   - id: the fork's; of another publisher, with the kind and name of the parent.
    ///   - into: the folder to write, relative to `directory`; beside the parent, or in `directory`, when nil.
    ///   - from: a folder in the repository that has the parent.
    ///   - directory: the user's current directory.
    /// - Throws: `InputError`, `PluginError`.
    init(_ parent: String, as id: String, into: String?, from: String?, directory: URL, today: Day) async throws {
        let (parentID, id) = try PluginFork.ids(parent, id)
        // A parent that does not exist is said before a name that does not fit it.
        let source = try await PluginFork.source(parentID, from: from, directory: directory)
        try PluginFork.check(id, against: parentID)
        let folder = PluginFork.target(id, source, into: into, directory).standardizedFileURL
        try PluginFork.write(source, id, to: folder)
        let here = directory.path + "/"
        shown = folder.path.hasPrefix(here) ? String(folder.path.dropFirst(here.count)) : folder.path
        (self.parent, self.id) = (source, id)
        entry = try await PluginFork.note(source, id, folder, today)
    }

    private static func ids(_ parent: String, _ id: String) throws -> (PluginID, PluginID) {
        var problems: [InputProblem] = []
        func read(_ text: String, at place: String) -> PluginID? {
            do {
                return try PluginID(text)
            } catch {
                problems.append(InputProblem(place, error.message))
                return nil
            }
        }
        let (old, new) = (read(parent, at: "the plugin to fork"), read(id, at: "--as"))
        guard let old, let new else { throw InputError(problems) }
        return (old, new)
    }

    private static func check(_ new: PluginID, against old: PluginID) throws {
        if new.publisher == "core" {
            throw InputError("--as", "the publisher 'core' is Forktail's own", fix: "--as acme.\(old.kind.rawValue).\(old.name)")
        }
        if new.publisher == old.publisher {
            throw InputError(
                "--as", "found \(old.publisher)'s own name '\(new)'; a fork replaces its parent by the same name, so "
                    + "it needs another publisher",
                fix: "--as \(old.publisher)-2.\(old.kind.rawValue).\(old.name)")
        }
        if (new.kind, new.name) != (old.kind, old.name) {
            throw InputError(
                "--as", "found '\(new)'; a fork keeps the kind and name of its parent, so that it can replace it",
                fix: "--as \(new.publisher).\(old.kind.rawValue).\(old.name)")
        }
    }

    private static func source(_ id: PluginID, from: String?, directory: URL) async throws -> ParentSource {
        let places = try PluginFork.places(from, directory)
        do {
            return try await ParentSource(PluginFolder.find(id, in: places, fix: "say where they are: --from DIR"))
        } catch let error as PluginError where error.code == .notFound {
            // An installation has the sources of what is linked in.
            let sdk: PluginSDK
            do {
                sdk = try PluginSDK.find()
            } catch { throw error }
            guard from == nil, let source = try await ParentSource(id, installed: sdk) else { throw error }
            return source
        }
    }

    /// Where sources are looked for: where the user says, or where the user is, and in what the host was built from.
    static func places(_ given: String?, _ directory: URL) throws -> [String] {
        if let given {
            let url = given.hasPrefix("/") ? URL(filePath: given) : directory.appending(path: given)
            guard FileManager.default.fileExists(atPath: url.path) else { throw InputError(given, "no such folder") }
            return [url.path]
        }
        // A host without an SDK has been told to the user where it matters: by the commands that build.
        let built = (try? PluginSDK.find())?.sourceRoot
        return [directory.path] + [built?.path].compactMap { $0 }
    }

    private static func target(_ id: PluginID, _ source: ParentSource, into: String?, _ directory: URL) -> URL {
        if let into { return into.hasPrefix("/") ? URL(filePath: into) : directory.appending(path: into) }
        let words = id.publisher.split { $0 == "-" || $0 == "_" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }
        let name = words.joined() + (source.shown as NSString).lastPathComponent
        let isHere = source.folder.map { directory.path == $0.git.directory || directory.path.hasPrefix($0.git.directory + "/") }
        guard let parent = source.folder, isHere == true, !parent.path.isEmpty else { return directory.appending(path: name) }
        return parent.url.deletingLastPathComponent().appending(path: name)
    }

    /// The copy appears whole or not at all; in a repository that has nothing else yet, file by file.
    private static func write(_ source: ParentSource, _ id: PluginID, to folder: URL) throws {
        let files = FileManager.default
        let present = files.fileExists(atPath: folder.path) ? try files.contentsOfDirectory(atPath: folder.path) : []
        guard present.isEmpty || present == [".git"] else {
            throw InputError(folder.path, "has files already", fix: "choose another folder: --into DIR")
        }
        let home = folder.deletingLastPathComponent()
        try files.createDirectory(at: home, withIntermediateDirectories: true)
        let staged = home.appending(path: ".\(folder.lastPathComponent).\(UUID().uuidString)")
        do {
            for file in source.files { try file.write(below: staged) }
            let ancestor = PluginManifest.Ancestor(
                id: source.manifest.id, version: source.manifest.version, commit: source.commit, tree: source.tree)
            let manifest = source.manifest.forked(as: id, version: "0.1.0", lineage: [ancestor] + source.manifest.lineage)
            try Data(ManifestText.text(manifest).utf8).write(to: staged.appending(path: "plugin.json"))
            if present.isEmpty, rename(staged.path, folder.path) == 0 { return }
            for name in try files.contentsOfDirectory(atPath: staged.path).sorted() {
                try files.moveItem(at: staged.appending(path: name), to: folder.appending(path: name))
            }
            try files.removeItem(at: staged)
        } catch {
            try files.removeItem(at: staged)
            throw error
        }
    }

    /// Adds the fork to UPSTREAM.md of the repository that it lies in, when that is a fork itself.
    private static func note(_ source: ParentSource, _ id: PluginID, _ folder: URL, _ today: Day) async throws -> String? {
        guard let git = try await PluginFolder.repository(at: folder.path) else { return nil }
        let place = URL(filePath: git.directory).appending(path: UpstreamFile.name)
        guard FileManager.default.fileExists(atPath: place.path) else { return nil }
        var file = try UpstreamFile(parsing: String(contentsOf: place, encoding: .utf8))
        guard file.header != nil else { return nil }
        let slug = "\(id.publisher)-\(id.name)".replacingOccurrences(of: "_", with: "-")
        let path = try await git.at(folder.path).read(["rev-parse", "--show-prefix"]).text
        let touched = path.hasSuffix("/") ? String(path.dropLast()) : path
        guard file[slug] == nil else { return slug }
        file[slug] = UpstreamEntry(
            slug: slug, summary: "\(source.manifest.summary), our own", kind: .pluginOverride, touches: [touched],
            replaces: source.manifest.provides.first.map { "\($0.id)" }, status: UpstreamStatus(.pending, "not proposed yet"), origin: "vendor",
            verify: "forktail plugins build \(ShellWord.quoted(touched)) --output .build/plugins/\(id).so",
            dropWhen: "upstream has the change", lastUpdate: "\(today)")
        try Data(file.text.utf8).write(to: place, options: .atomic)
        return slug
    }

    /// What was done and what comes next.
    var text: String {
        let place = ShellWord.quoted(shown)
        var lines = [
            "wrote \(shown): \(id) 0.1.0",
            "from \(parent.manifest.id) \(parent.manifest.version), commit \(parent.commit), tree \(parent.tree)",
            "",
            "build it:   forktail plugins build \(place) --output build/\(id).so",
            "opt in:     plugins: {paths: [build/\(id).so], use: [\(id)]}",
            "its parent: \(parent.manifest.provides.map { "\($0.id)" }.joined(separator: ", ")) stays within reach by its full id",
        ]
        if let entry {
            lines += [
                "", "UPSTREAM.md has the entry \(entry); say in its Summary what you change. The notes are a commit of their own:",
                "  git add \(place) && git commit -m \(ShellWord.quoted("FORK: \(id.name): a fork of our own")) "
                    + "--trailer 'Upstream-Status: Pending [not proposed yet]' --trailer 'Fork-Change: \(entry)'",
                "  git add UPSTREAM.md && git commit -m \(ShellWord.quoted("NOTES: \(entry)"))",
            ]
        }
        return lines.joined(separator: "\n")
    }
}
