import Foundation
import JSON

extension PluginUpdate {
    /// What is being done to a fork's folder, written before the first file changes: enough to do it again or to undo it
    /// wherever it was interrupted.
    struct Journal: Codable {
        /// The fork's folder.
        let folder: String
        /// The parent that the fork catches up with: "core.trainer.dpo 0.2.0".
        let parent: String
        /// Files that get other contents, relative to the folder, in order.
        let written: [String]
        /// Files that go.
        let removed: [String]
        let conflicts: [MergeConflict]
        /// The fork's lineage once all is merged.
        let lineage: JSONValue
        /// Whether every file has its new contents.
        var isApplied = false
    }

    /// The folder in git's own that keeps a journal, the files as they were and as they will be.
    struct State {
        let url: URL

        private var journalFile: URL { url.appending(path: "journal.json") }
        var before: URL { url.appending(path: "before") }
        var after: URL { url.appending(path: "after") }

        /// nil when no update is under way.
        func journal() throws -> Journal? {
            guard FileManager.default.fileExists(atPath: journalFile.path) else { return nil }
            return try JSONDecoder().decode(Journal.self, from: Data(contentsOf: journalFile))
        }

        func write(_ journal: Journal) throws {
            try JSONEncoder().encode(journal).write(to: journalFile, options: .atomic)
        }

        /// What is left of an update that never began, or has ended.
        func clear() throws {
            // Without its journal the rest means nothing, so that a half-removed folder is no update under way.
            for place in [journalFile, url] where FileManager.default.fileExists(atPath: place.path) {
                try FileManager.default.removeItem(at: place)
            }
        }

        /// Gives every file of the journal the contents in `source`; files that it does not have go.
        ///
        /// Whatever an interrupted copy left behind is overwritten or removed.
        func copy(_ journal: Journal, from source: URL) throws {
            let folder = URL(filePath: journal.folder)
            for path in journal.written + journal.removed {
                let (from, to) = (source.appending(path: path), folder.appending(path: path))
                let staged = to.deletingLastPathComponent().appending(path: ".forktail-\(to.lastPathComponent)")
                if exists(staged) { try FileManager.default.removeItem(at: staged) }
                if exists(from) {
                    try replace(to, with: from, through: staged)
                } else {
                    if exists(to) { try FileManager.default.removeItem(at: to) }
                    try removeEmptyFolders(above: to, below: folder)
                }
            }
        }

        /// Copies a file beside the other and renames it over it: there is no moment without one of the two.
        private func replace(_ target: URL, with source: URL, through staged: URL) throws {
            let files = FileManager.default
            try files.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try files.copyItem(at: source, to: staged)
            guard rename(staged.path, target.path) == 0 else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
        }

        private func removeEmptyFolders(above file: URL, below root: URL) throws {
            var folder = file.deletingLastPathComponent()
            while folder.path.hasPrefix(root.path + "/") {
                if exists(folder) {
                    guard try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty else { return }
                    try FileManager.default.removeItem(at: folder)
                }
                folder = folder.deletingLastPathComponent()
            }
        }

        /// Whether a file is there, be it a link to nothing.
        private func exists(_ url: URL) -> Bool { (try? FileManager.default.attributesOfItem(atPath: url.path)) != nil }
    }
}
