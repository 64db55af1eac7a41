public import Foundation

/// A file that appears under its name only when it is complete and durable.
///
/// Bytes go to a temporary file in the same directory; `commit` makes them durable and renames it over the name. A file
/// that is not committed is removed when it is released, so a failure leaves what was there before.
public final class AtomicFile {
    /// The name that `commit` gives the file.
    public let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private let expectedByteCount: Int
    private var isCommitted = false

    /// Creates the temporary file.
    /// - Parameters:
    ///   - path: the final name, in an existing directory.
    ///   - expectedByteCount: how large the file becomes, for the message when the disk is full.
    /// - Throws: `FileError`.
    public init(_ path: String, expectedByteCount: Int = 0) throws {
        self.path = path
        self.expectedByteCount = expectedByteCount
        let token = String(UInt64.random(in: .min ... .max), radix: 36)
        temporaryPath = DirectoryFsync.parent(of: path) + "/." + (path as NSString).lastPathComponent + ".tmp-" + token
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw FileError("create", path) }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporaryPath) }
    }

    /// Writes `bytes` at `offset`.
    /// - Throws: `FileError` that tells the bytes needed and free when the disk is full.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            guard let start = bytes.baseAddress else { return }
            let count = pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw writeError(errno, end: offset + bytes.count) }
            done += count
        }
    }

    /// Makes the bytes durable and gives the file its name.
    /// - Throws: `FileError`.
    public func commit() throws {
        if fsync(descriptor) != 0 { throw writeError(errno, end: 0) }
        if rename(temporaryPath, path) != 0 { throw FileError("rename the finished temporary file to", path) }
        isCommitted = true
        try DirectoryFsync.sync(DirectoryFsync.parent(of: path))
    }

    /// Writes a whole file atomically.
    /// - Throws: `FileError`.
    public static func write(_ data: Data, to path: String) throws {
        let file = try AtomicFile(path, expectedByteCount: data.count)
        try data.withUnsafeBytes { try file.write($0, at: 0) }
        try file.commit()
    }

    private func writeError(_ code: Int32, end: Int) -> FileError {
        let needed = max(expectedByteCount, end)
        var space = statvfs()
        var detail = "the file needs \(needed) bytes"
        if code == EFBIG {
            detail += ", more than the file size limit of this process (see `ulimit -f`)"
        } else if fstatvfs(descriptor, &space) == 0 {
            detail += ", the file system has \(Int(space.f_bavail) * Int(space.f_frsize)) bytes left; "
                + "free some space or choose another directory"
        }
        return FileError("write", path, code: code, detail: detail)
    }
}
