import Forks
import Foundation
import JSON
import PluginAPI

/// Brings a fork up to date with its parent: `forktail plugins update`.
///
/// The merge is made elsewhere, file by file against what the fork was made from; then a journal is written, then the folder's
/// files change one by one. An interrupted update is finished by the same command, and undone by `--abort`.
struct PluginUpdate {
    private let id: PluginID
    private let git: Git
    private let state: State
    /// Receives what the user should know.
    private let say: (String) -> Void

    /// - Parameter directory: lies in the repository of the fork.
    init(_ id: PluginID, directory: URL, say: @escaping (String) -> Void) async throws {
        guard let git = try await PluginFolder.repository(at: directory.path) else {
            throw InputError(directory.path, "lies in no git repository; a fork is updated in the one that has it", fix: "cd REPOSITORY")
        }
        (self.id, self.git, self.say) = (id, git, say)
        let own = try await git.read(["rev-parse", "--absolute-git-dir"]).text
        state = State(url: URL(filePath: own).appending(path: "forktail/update/\(id)"))
    }

    /// Merges, checks, and records the new parent.
    /// - Parameters:
    ///   - parentIn: folders in which the parent is looked for.
    ///   - check: the command that tells whether the fork works; its notes' `Verify`, or a build, when nil.
    /// - Throws: `CommandEnded` with status 3 when there are conflicts, or the check says no.
    func start(parentIn directories: [String], check: String?) async throws {
        if let journal = try state.journal() { return try await resume(journal, check) }
        try state.clear()
        let fork = try await PluginFolder.find(id, in: [git.directory], fix: "run it in the repository of the fork")
        let journal = try await TemporaryFolder.with { scratch -> Journal? in
            let triangle = try await ForkTriangle(fork, parentIn: [git.directory] + directories, scratch: scratch)
            // Asked again after an update that is not committed yet, there is nothing to do.
            guard triangle.hasParentMoved else { return nil }
            try await fork.checkClean("an update starts from a commit, so that nothing can be lost")
            _ = try await fork.committed()
            return try await stage(triangle, scratch)
        }
        guard let journal else { return say("\(id) is up to date: its parent has not changed since") }
        try await apply(journal, check)
    }

    /// Finishes an update whose conflicts were resolved.
    func proceed(check: String?) async throws {
        var journal = try underWay()
        if !journal.isApplied { return try await apply(journal, check) }
        let marked = journal.written.filter { path in
            let contents = FileManager.default.contents(atPath: journal.folder + "/" + path) ?? Data()
            let lines = String(decoding: contents, as: UTF8.self).split(separator: "\n")
            return lines.contains { $0.hasPrefix("<<<<<<< ") || $0.hasPrefix(">>>>>>> ") }
        }
        guard marked.isEmpty else {
            throw InputError(
                marked.map { InputProblem($0, "still has the marks of a conflict (<<<<<<<, >>>>>>>)", fix: "choose the lines to keep") })
        }
        try recordParent(&journal)
        try await finish(journal, check)
    }

    /// Puts every file back.
    func abort() throws {
        let journal = try underWay()
        try state.copy(journal, from: state.before)
        try state.clear()
        say("\(id) is as it was before the update")
    }

    // MARK: Steps

    private func underWay() throws -> Journal {
        if let journal = try state.journal() { return journal }
        try state.clear()
        throw InputError("\(id)", "no update of it is under way", fix: "forktail plugins update \(id)")
    }

    private func resume(_ journal: Journal, _ check: String?) async throws {
        if !journal.isApplied { return try await apply(journal, check) }
        if journal.conflicts.isEmpty { return try await finish(journal, check) }
        tell(journal)
        throw CommandEnded(status: .answerIsNo)
    }

    /// Merges and writes down what is to be done; the fork's folder stays as it is.
    private func stage(_ triangle: ForkTriangle, _ scratch: URL) async throws -> Journal {
        let (fork, files) = (triangle.fork, FileManager.default)
        let conflicts = try await triangle.merge()
        let manifest = scratch.appending(path: "plugin.json")
        let lineage = JSONValue.array(triangle.lineage.map(\.json))
        if conflicts.isEmpty { try PluginUpdate.record(lineage, in: manifest) }
        let mine = Set(try await fork.files())
        let merged = Set(try files.subpathsOfDirectory(atPath: scratch.path).filter { path in
            guard !path.hasPrefix(".git/"), path != ".git" else { return false }
            return try files.attributesOfItem(atPath: scratch.appending(path: path).path)[.type] as? FileAttributeType != .typeDirectory
        })
        // The manifest is always one of them: its lineage changes in the end.
        let written = try merged.filter { path in
            try path == "plugin.json" || !mine.contains(path) || PluginUpdate.isDifferent(scratch.appending(path: path), fork.url.appending(path: path))
        }
        let removed = mine.subtracting(merged)
        for path in written { try copy(path, from: scratch, to: state.after) }
        for path in removed.union(written.intersection(mine)) { try copy(path, from: fork.url, to: state.before) }
        let journal = Journal(
            folder: fork.url.path, parent: "\(triangle.current.id) \(triangle.current.version)", written: written.sorted(),
            removed: removed.sorted(), conflicts: conflicts, lineage: lineage)
        try state.write(journal)
        return journal
    }

    private func copy(_ path: String, from source: URL, to target: URL) throws {
        let copy = target.appending(path: path)
        try FileManager.default.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: source.appending(path: path), to: copy)
    }

    private func apply(_ journal: Journal, _ check: String?) async throws {
        var journal = journal
        try state.copy(journal, from: state.after)
        journal.isApplied = true
        try state.write(journal)
        guard journal.conflicts.isEmpty else {
            tell(journal)
            throw CommandEnded(status: .answerIsNo)
        }
        try await finish(journal, check)
    }

    private func tell(_ journal: Journal) {
        say("\(id) and \(journal.parent) changed the same things:")
        for conflict in journal.conflicts { say("  CONFLICT  \(conflict)") }
        say("the files are in \(journal.folder); then: forktail plugins update \(id) --continue, or --abort")
    }

    /// The conflicts are resolved, so the fork has what its parent has.
    private func recordParent(_ journal: inout Journal) throws {
        let manifest = URL(filePath: journal.folder).appending(path: "plugin.json")
        try PluginUpdate.record(journal.lineage, in: manifest)
    }

    private func finish(_ journal: Journal, _ check: String?) async throws {
        for path in journal.written { say("  changed  \(path)") }
        for path in journal.removed { say("  removed  \(path)") }
        let result = try await PluginCheck(folder: URL(filePath: journal.folder), git: git).run(check)
        guard result.isFine else {
            say(result.output)
            say("the check failed: \(result.command)")
            say("mend it, then: forktail plugins update \(id) --continue, or --abort")
            throw CommandEnded(status: .answerIsNo)
        }
        try state.clear()
        say("\(id) has what \(journal.parent) has; checked by: \(result.command)")
        say("look at it and commit it: git diff \(ShellWord.quoted(journal.folder))")
    }

    private static func record(_ lineage: JSONValue, in manifest: URL) throws {
        let text = try String(contentsOf: manifest, encoding: .utf8)
        let json = try PluginManifest(text, file: manifest.path).json.setting("lineage", to: lineage)
        try Data(ManifestText.text(json).utf8).write(to: manifest, options: .atomic)
    }

    private static func isDifferent(_ a: URL, _ b: URL) throws -> Bool {
        let files = FileManager.default
        let (left, right) = (try files.attributesOfItem(atPath: a.path), try files.attributesOfItem(atPath: b.path))
        guard left[.type] as? FileAttributeType == right[.type] as? FileAttributeType else { return true }
        if left[.type] as? FileAttributeType == .typeSymbolicLink {
            return try files.destinationOfSymbolicLink(atPath: a.path) != files.destinationOfSymbolicLink(atPath: b.path)
        }
        return files.isExecutableFile(atPath: a.path) != files.isExecutableFile(atPath: b.path)
            || files.contents(atPath: a.path) != files.contents(atPath: b.path)
    }
}
