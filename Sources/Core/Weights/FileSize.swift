internal import Foundation

/// Sizes of files.
enum FileSize {
    /// Bytes of the file at `path`; nil when there is none.
    static func of(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }
}
