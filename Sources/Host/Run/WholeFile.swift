import Foundation
import PluginAPI

/// Reads whole text files that the user named.
enum WholeFile {
    /// - Parameter fix: what to do when the file cannot be read.
    /// - Throws: `InputError` in the system's own words.
    static func read(_ path: String, fix: String? = nil) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path, errno, fix) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno, fix) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw unreadable(path, EISDIR, fix) }
        guard let text = String(data: try file.readToEnd() ?? Data(), encoding: .utf8) else {
            throw InputError(path, "is not UTF-8 text", fix: fix)
        }
        return text
    }

    private static func unreadable(_ path: String, _ code: Int32, _ fix: String?) -> InputError {
        InputError(path, "cannot be read: \(String(cString: strerror(code)))", fix: fix)
    }
}
