internal import Foundation

/// Makes what happened to the entries of a directory (creation, renaming, removal) survive a power cut.
public enum DirectoryFsync {
    /// Waits until the directory's entries are durable.
    /// - Throws: `FileError`.
    public static func sync(_ directory: String) throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw FileError("open the directory", directory) }
        defer { close(descriptor) }
        // Some network file systems cannot sync directories and say EINVAL; there renames are durable by themselves.
        if fsync(descriptor) != 0 && errno != EINVAL { throw FileError("sync the directory", directory) }
    }

    /// The directory that holds `path`.
    static func parent(of path: String) -> String {
        let parent = (path as NSString).deletingLastPathComponent
        return parent.isEmpty ? "." : parent
    }
}
