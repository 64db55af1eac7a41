internal import Foundation

/// A failed call to the operating system about a file.
public struct FileError: Error, Sendable, CustomStringConvertible {
    /// What was attempted, e.g. "write 4096 bytes to".
    public let attempt: String
    /// The file or directory.
    public let path: String
    /// The error number, see errno(3).
    public let code: Int32
    /// What to know beside the system's words, e.g. how much space is needed and free.
    public let detail: String?

    /// - Parameters:
    ///   - attempt: a verb phrase that the path completes.
    ///   - path: the file or directory.
    ///   - code: the error number; nil = that of the call that just failed on this thread.
    ///   - detail: what else helps.
    public init(_ attempt: String, _ path: String, code: Int32? = nil, detail: String? = nil) {
        self.attempt = attempt
        self.path = path
        self.code = code ?? errno
        self.detail = detail
    }

    /// Whether the disk, a quota or a file size limit is exhausted.
    public var isOutOfSpace: Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }

    public var description: String {
        "could not \(attempt) '\(path)': \(String(cString: strerror(code)))" + (detail.map { "; " + $0 } ?? "")
    }
}
