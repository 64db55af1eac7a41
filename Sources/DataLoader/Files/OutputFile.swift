import Foundation

/// A file being written; closed when it goes out of scope.
struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(creating path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileSystem.failure("create", path) }
    }

    /// A temporary file without a name: it vanishes with its last descriptor, even after a crash.
    init(unnamedIn directory: String) throws {
        path = directory + "/forktail-XXXXXX"
        var name = Array(path.utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw FileSystem.failure("create a temporary file in", directory) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(name)
    }

    deinit { close(descriptor) }

    /// A descriptor of the same file that outlives this object; the caller closes it.
    func duplicate() throws -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw FileSystem.failure("keep open", path) }
        return copy
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Foundation.write(descriptor, piece.baseAddress, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileSystem.failure("write", path) }
            rest = rest.dropFirst(count)
        }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func synchronize() throws {
        guard fsync(descriptor) == 0 else { throw FileSystem.failure("force to disk", path) }
    }
}
