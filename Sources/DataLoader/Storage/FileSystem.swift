import Foundation

/// The file operations of the module, with errors that name the file and the cause.
enum FileSystem {
    static func failure(_ verb: String, _ path: String) -> DataError {
        let code = errno
        let hint: String? = switch code {
        case ENOSPC: "free some space on that disk"
        case EROFS, EACCES: "check the permissions of the directory"
        default: nil
        }
        return DataError("cannot \(verb) \(path): \(String(cString: strerror(code)))", hint: hint)
    }

    /// The size of a regular file, nil when there is none.
    static func byteCount(of path: String) throws -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("look at", path)
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// Calls `body` with a descriptor open for reading.
    static func withOpenFile<R>(_ path: String, _ body: (Int32) throws -> R) throws -> R {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    /// Reads a file in pieces of 256 KiB.
    static func readChunks(of path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try withOpenFile(path) { descriptor in
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
            defer { chunk.deallocate() }
            while true {
                let count = read(descriptor, chunk.baseAddress, chunk.count)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw failure("read", path) }
                if count == 0 { return }
                try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            }
        }
    }

    /// The whole content of a small file.
    static func contents(of path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try readChunks(of: path) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Creates a directory and its parents.
    static func createDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw DataError("cannot create the directory \(path): \(error.localizedDescription)")
        }
    }

    /// Writes a file under a temporary name, forces it to disk and renames it, so that a reader sees all or nothing.
    static func writeAtomically(to path: String, _ body: (borrowing OutputFile) throws -> Void) throws {
        let temporary = "\(path).tmp-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        do {
            let file = try OutputFile(creating: temporary)
            try body(file)
            try file.synchronize()
            guard rename(temporary, path) == 0 else { throw failure("rename \(temporary) to", path) }
            try synchronizeDirectory(of: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Makes a rename itself durable.
    private static func synchronizeDirectory(of path: String) throws {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try withOpenFile(directory) { descriptor in
            guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("force to disk", directory) }
        }
    }
}

/// A file being written; closed when it goes out of scope.
struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(creating path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileSystem.failure("create", path) }
    }

    deinit { close(descriptor) }

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
