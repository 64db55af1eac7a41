internal import Foundation

/// A directory that appears under its name only when everything in it is written.
///
/// It is filled as `.<name>.partial` beside its final place; one that is not committed is removed when it is released.
/// A directory can have one writer at a time.
final class AtomicDirectory {
    /// The name that `commit` gives the directory.
    let path: String
    /// Where to write until then.
    let partialPath: String
    private let isReplacing: Bool
    private var isCommitted = false

    /// - Parameters:
    ///   - path: the final name; missing parents are created.
    ///   - replacing: whether an existing directory may be replaced.
    /// - Throws: `FileError`.
    init(_ path: String, replacing: Bool) throws {
        self.path = path
        isReplacing = replacing
        partialPath = Self.partialPath(of: path)
        if !replacing && Self.exists(path) { throw FileError("create the directory", path, code: EEXIST) }
        try Self.start(path)
    }

    /// Makes an empty partial directory, for `init(joining:)`.
    /// - Parameter path: the final name; missing parents are created.
    /// - Throws: `FileError`.
    static func start(_ path: String) throws {
        let partial = partialPath(of: path)
        try create(DirectoryFsync.parent(of: path))
        try remove(partial)
        if mkdir(partial, 0o755) != 0 { throw FileError("create the directory", partial) }
    }

    private static func partialPath(of path: String) -> String {
        DirectoryFsync.parent(of: path) + "/." + (path as NSString).lastPathComponent + ".partial"
    }

    /// Joins a directory that several ranks fill.
    /// - Parameters:
    ///   - path: the final name; its partial directory has been made by `start`.
    ///   - isOwner: whether it is this rank that commits it, or removes it.
    init(joining path: String, isOwner: Bool) {
        self.path = path
        isReplacing = true
        partialPath = Self.partialPath(of: path)
        isCommitted = !isOwner
    }

    deinit {
        if isCommitted { return }
        // What cannot be removed is overwritten by the next attempt; the failure that led here is what matters.
        do { try Self.remove(partialPath) } catch {}
    }

    /// Makes the directory durable and gives it its name.
    /// - Throws: `FileError`.
    func commit() throws {
        try DirectoryFsync.sync(partialPath)
        let parent = DirectoryFsync.parent(of: path)
        let exists = Self.exists(path)
        if exists && !isReplacing { throw FileError("create the directory", path, code: EEXIST) }
        if exists {
            // The old one goes aside first: a directory cannot be renamed over one that is not empty.
            let aside = parent + "/." + (path as NSString).lastPathComponent + ".replaced"
            try Self.remove(aside)
            if rename(path, aside) != 0 { throw FileError("move aside", path) }
            if rename(partialPath, path) != 0 {
                let failure = FileError("rename the finished directory to", path)
                rename(aside, path)
                throw failure
            }
            isCommitted = true
            try DirectoryFsync.sync(parent)
            try Self.remove(aside)
        } else {
            if rename(partialPath, path) != 0 { throw FileError("rename the finished directory to", path) }
            isCommitted = true
            try DirectoryFsync.sync(parent)
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func create(_ path: String) throws {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        let parent = DirectoryFsync.parent(of: path)
        guard errno == ENOENT, parent != path else { throw FileError("create the directory", path) }
        try create(parent)
        if mkdir(path, 0o755) != 0 && errno != EEXIST { throw FileError("create the directory", path) }
    }

    /// Removes a directory and everything in it; nothing happens when there is none.
    static func remove(_ path: String) throws {
        guard exists(path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch let error as CocoaError {
            let cause = error.underlying as? POSIXError
            throw FileError("remove", path, code: cause?.code.rawValue ?? EIO)
        }
    }
}
